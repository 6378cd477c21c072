// SPDX-License-Identifier: MIT OR Apache-2.0

//! Numbers with names that are open: one from outside that has no name here is kept.

macro_rules! open_number {
    ($(#[$doc:meta])* $name:ident($repr:ty) { $($konst:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $repr);

        #[allow(missing_docs, reason = "the names are those of the header file")]
        impl $name {
            $(pub const $konst: Self = Self($value);)*

            /// The name, if the number has one.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($value => Some(stringify!($konst)),)* _ => None }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "{}", self.0),
                }
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
    };
}

/// Types of extensions: those of an unmodified kernel, up to a highest one, and namespaces.
macro_rules! ext_number {
    ($name:ident, $max:literal) => {
        impl $name {
            /// The highest type of an unmodified kernel.
            pub const MAX: u16 = $max;

            /// Does an unmodified kernel know the type?
            #[must_use]
            pub fn is_old(self) -> bool {
                (1..=Self::MAX).contains(&self.0)
            }
        }

        impl $crate::wire::frame::ExtNumber for $name {
            fn from_number(number: u16) -> Self {
                Self(number)
            }

            fn place(self) -> Option<usize> {
                match self {
                    Self::NAMESPACE => Some($crate::wire::frame::PLACES - 1),
                    kind => kind.is_old().then_some(kind.0.into()),
                }
            }
        }
    };
}

/// The diagnostics of a protocol: names of the header file, and texts.
macro_rules! diagnostics {
    ($($name:ident = $code:literal, $text:literal;)*) => {
        #[allow(missing_docs, reason = "the names are those of the header file")]
        impl Diagnostic {
            $(pub const $name: Self = Self($code);)*

            /// The name in the header file, without its common prefix.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($code => Some(stringify!($name)),)* _ => None }
            }

            /// The text shown to operators; unknown codes have none of their own.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self.0 { $($code => $text,)* _ => Self::UNKNOWN_TEXT }
            }
        }

        impl ::std::fmt::Display for Diagnostic {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.text())
            }
        }

        impl ::std::fmt::Debug for Diagnostic {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, "Diagnostic({})", self.0),
                }
            }
        }
    };
}

pub(super) use {diagnostics, ext_number, open_number};
