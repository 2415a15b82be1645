//! A reference to an object of a known type.

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ContentId, EncodingError, Object, Store, StoreError};

/// The identifier of an object, and its type.
///
/// In all encodings it is its [`ContentId`]: the kind is part of that already.
pub struct ContentRef<T> {
    id: ContentId,
    object: PhantomData<fn() -> T>,
}

impl<T> ContentRef<T> {
    /// A reference to the object with this identifier. That there is one, of this type, shows when it is resolved.
    #[must_use]
    pub const fn new(id: ContentId) -> Self {
        ContentRef { id, object: PhantomData }
    }

    /// The identifier.
    #[must_use]
    pub const fn id(&self) -> ContentId {
        self.id
    }
}

impl<T: Object> ContentRef<T> {
    /// A reference to this object.
    ///
    /// # Errors
    ///
    /// [`EncodingError::Unencodable`].
    pub fn to(object: &T) -> Result<Self, EncodingError> {
        object.content_id().map(ContentRef::new)
    }

    /// The object, from a store, checked against the identifier.
    ///
    /// # Errors
    ///
    /// Those of [`Store::get`].
    pub fn resolve(&self, store: &Store) -> Result<T, StoreError> {
        store.get(self.id)
    }
}

impl<T> Clone for ContentRef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ContentRef<T> {}

impl<T> PartialEq for ContentRef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl<T> Eq for ContentRef<T> {}

impl<T> PartialOrd for ContentRef<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for ContentRef<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.id.cmp(&other.id)
    }
}

impl<T> Hash for ContentRef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl<T> fmt::Display for ContentRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.id.fmt(f)
    }
}

impl<T> fmt::Debug for ContentRef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentRef({})", self.id)
    }
}

impl<T> BorshSerialize for ContentRef<T> {
    fn serialize<W: borsh::io::Write>(&self, writer: &mut W) -> borsh::io::Result<()> {
        BorshSerialize::serialize(&self.id, writer)
    }
}

impl<T> BorshDeserialize for ContentRef<T> {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        ContentId::deserialize_reader(reader).map(ContentRef::new)
    }
}

impl<T> Serialize for ContentRef<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&self.id, serializer)
    }
}

impl<'de, T> Deserialize<'de> for ContentRef<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <ContentId as Deserialize>::deserialize(deserializer).map(ContentRef::new)
    }
}
