//! The places of a record whose value may stand beside the log, under the digest of its disclosure.

use std::fmt;

use crate::model::{Content, Masked, Record};

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident $pointer:literal,)*) => {
        /// A place in a record whose value may stand beside the log: content, or a field that may be sensitive.
        ///
        /// In the order of their JSON pointers (RFC 6901). Each is one bit of [`Places`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Place {
            $($(#[$doc])* $name,)*
        }

        impl Place {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The JSON pointer into the record.
            pub const fn pointer(self) -> &'static str {
                match self {
                    $(Self::$name => $pointer,)*
                }
            }
        }
    };
}

places! {
    /// What was asked for in a look or an export.
    AccessQuery "/access/query",
    /// What a call is about.
    ActionTarget "/action/target",
    /// What the approver answered.
    ApprovalAnswer "/approval/answer",
    /// What the approver was shown.
    ApprovalShown "/approval/shown",
    /// What was really executed.
    Executed "/executed",
    /// What went into a call.
    Input "/input",
    /// What came back.
    Output "/output",
    /// What a principal is called.
    PrincipalName "/principal/name",
    /// What a session is for.
    Purpose "/purpose",
}

impl Place {
    /// The place with this JSON pointer.
    pub fn at(pointer: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|place| place.pointer() == pointer)
    }

    /// The member that its disclosure names: the last step of the pointer.
    pub fn member(self) -> &'static str {
        self.steps().1
    }

    /// The object that it is a member of, where that is not the record itself; and the member.
    pub fn steps(self) -> (Option<&'static str>, &'static str) {
        let path = &self.pointer()[1..];
        match path.split_once('/') {
            Some((object, member)) => (Some(object), member),
            None => (None, path),
        }
    }

    /// Whether it holds a plain string, which stays in the record unless it is said to be sensitive.
    pub const fn is_field(self) -> bool {
        matches!(self, Self::ActionTarget | Self::PrincipalName | Self::Purpose)
    }

    /// What a record holds there.
    pub fn of<'r, 'a>(self, record: &'r Record<'a>) -> Option<Held<'r, 'a>> {
        let approval = record.approval.as_ref();
        match self {
            Self::AccessQuery => record.access.as_ref()?.query.as_ref().map(Held::Content),
            Self::ActionTarget => record.action.as_ref()?.target.as_ref().map(Held::Field),
            Self::ApprovalAnswer => approval?.answer.as_ref().map(Held::Content),
            Self::ApprovalShown => approval?.shown.as_ref().map(Held::Content),
            Self::Executed => record.executed.as_ref().map(Held::Content),
            Self::Input => record.input.as_ref().map(Held::Content),
            Self::Output => record.output.as_ref().map(Held::Content),
            Self::PrincipalName => record.principal.as_ref()?.name.as_ref().map(Held::Field),
            Self::Purpose => record.purpose.as_ref().map(Held::Field),
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.pointer())
    }
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Held<'r, 'a> {
    /// Content.
    Content(&'r Content<'a>),
    /// A field that may be sensitive.
    Field(&'r Masked<'a>),
}

impl<'r> Held<'r, '_> {
    /// The digest of the disclosure, where the value stands beside the log.
    pub fn sd(self) -> Option<&'r str> {
        match self {
            Self::Content(content) => content.sd(),
            Self::Field(Masked::Hidden(hidden)) => Some(hidden.sd.as_str()),
            Self::Field(Masked::Plain(_)) => None,
        }
    }

    /// Bytes of the value, where the record says so.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Content(content) => content.bytes,
            Self::Field(_) => None,
        }
    }
}

/// A set of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Places(u16);

impl Places {
    /// No place.
    pub const NONE: Self = Self(0);

    /// With this one.
    #[must_use]
    pub const fn with(self, place: Place) -> Self {
        Self(self.0 | place.bit())
    }

    /// Whether this one is among them.
    pub const fn has(self, place: Place) -> bool {
        self.0 & place.bit() != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in order.
    pub fn iter(self) -> impl Iterator<Item = Place> {
        Place::ALL.iter().copied().filter(move |place| self.has(*place))
    }
}

impl FromIterator<Place> for Places {
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        places.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_their_pointers_and_found_by_them() {
        assert!(Place::ALL.is_sorted_by(|a, b| a.pointer() < b.pointer()));
        assert!(Place::ALL.is_sorted());
        for &place in Place::ALL {
            assert_eq!(Place::at(place.pointer()), Some(place));
            assert!(place.pointer().ends_with(place.member()));
        }
        assert_eq!(Place::at("/principal"), None);
        assert_eq!(Place::AccessQuery.steps(), (Some("access"), "query"));
        assert_eq!(Place::Input.steps(), (None, "input"));
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        let some: Places = [Place::Purpose, Place::AccessQuery].into_iter().collect();
        assert_eq!(some.iter().collect::<Vec<_>>(), [Place::AccessQuery, Place::Purpose]);
        assert!(some.has(Place::Purpose) && !some.has(Place::Input) && !some.is_empty());
        assert_eq!(Place::ALL.iter().copied().collect::<Places>().iter().count(), Place::ALL.len());
        assert!(Places::NONE.is_empty());
    }
}
