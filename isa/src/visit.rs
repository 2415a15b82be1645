//! One visitor trait per extension, one method per table row.
//!
//! An executor implements the traits; a row without a method is compile error E0046 there, so the compiler
//! keeps the list of what is left to do. [`Inst::visit`] is the only dispatch.

use crate::{Inst, for_each_inst, format};

/// What all visitor traits have in common.
pub trait Visitor {
    /// The result of visiting one instruction.
    type Output;
}

macro_rules! define_visitors {
    ($($(#[doc = $edoc:literal])+ extension $Ext:ident: $Visit:ident {
        $($(#[doc = $doc:literal])+ $snake:ident = $Name:ident($Fmt:ident) $diagram:literal;)*
    })*) => {
        $(
            $(#[doc = $edoc])+
            pub trait $Visit: Visitor {
                $($(#[doc = $doc])+ fn $snake(&mut self, ops: format::$Fmt) -> Self::Output;)*
            }
        )*

        /// A visitor of every extension; implemented by whatever implements all the traits.
        pub trait VisitInst: Visitor $(+ $Visit)* {}
        impl<V: Visitor $(+ $Visit)* + ?Sized> VisitInst for V {}

        impl Inst {
            /// Calls the visitor's method for this instruction.
            #[inline(always)]
            pub fn visit<V: VisitInst + ?Sized>(self, visitor: &mut V) -> V::Output {
                match self {
                    $($(Self::$Name(ops) => visitor.$snake(ops),)*)*
                }
            }
        }
    };
}

for_each_inst!(define_visitors);
