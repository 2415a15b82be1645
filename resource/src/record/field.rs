//! Fields that know their names, for comparing and for errors of decoding.

use core::fmt::Debug;

use crate::FieldDifference;

/// A kind of field that can be compared: lists element by element, everything else as a whole.
pub(super) trait Compare {
    fn compare(&self, other: &Self, name: &str, differences: &mut Vec<FieldDifference>);
}

impl<T: Debug + PartialEq> Compare for Vec<T> {
    fn compare(&self, other: &Self, name: &str, differences: &mut Vec<FieldDifference>) {
        for index in 0..self.len().max(other.len()) {
            let (left, right) = (self.get(index), other.get(index));
            if left != right {
                let shown =
                    |element: Option<&T>| element.map_or("nothing".to_owned(), |it| format!("{it:?}"));
                let (left, right) = (shown(left), shown(right));
                differences.push(FieldDifference { field: format!("{name}[{index}]"), left, right });
            }
        }
    }
}

/// Compares fields that are not lists.
macro_rules! compare_whole {
    ($($kind:ty),* $(,)?) => {$(
        impl $crate::record::field::Compare for $kind {
            fn compare(&self, other: &Self, name: &str, differences: &mut Vec<$crate::FieldDifference>) {
                if self != other {
                    let (left, right) = (format!("{self:?}"), format!("{other:?}"));
                    differences.push($crate::FieldDifference { field: name.to_owned(), left, right });
                }
            }
        }
    )*};
}

/// A struct whose decoding names the field that is wrong, and that can be compared field by field.
macro_rules! named_fields {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $( $(#[$field_meta:meta])* pub $field:ident: $kind:ty, )* }
    ) => {
        $(#[$meta])*
        pub struct $name { $( $(#[$field_meta])* pub $field: $kind, )* }

        impl borsh::BorshDeserialize for $name {
            fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
                Ok($name { $(
                    $field: borsh::BorshDeserialize::deserialize_reader(reader).map_err(
                        |error: borsh::io::Error| {
                            let text = format!(concat!("field `", stringify!($field), "`: {}"), error);
                            borsh::io::Error::new(error.kind(), text)
                        },
                    )?,
                )* })
            }
        }

        impl $name {
            /// The names of the fields, in order.
            pub const FIELDS: &'static [&'static str] = &[$( stringify!($field), )*];

            /// The fields in which two records differ. None means that they are the same record.
            #[must_use]
            pub fn diff(&self, other: &Self) -> Vec<$crate::FieldDifference> {
                let mut differences = Vec::new();
                $( $crate::record::field::Compare::compare(
                    &self.$field, &other.$field, stringify!($field), &mut differences,
                ); )*
                differences
            }
        }
    };
}

pub(super) use {compare_whole, named_fields};
