//! For whom a submitter may speak.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::BadToken;
use crate::limits::{BINDING_BYTES_MAX, BINDINGS_PER_TOKEN_MAX};

/// For whom a submitter may speak
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bindings {
    /// `producer.id` of a record.
    pub producers: Named,
    /// `agent.sub` of a record.
    pub agents: Named,
    /// `principal.iss` and `principal.sub` of a record, with `|` between them.
    pub principals: Named,
}

/// Everybody, or a list of exact values
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected \"*\" or a list of exact values")]
pub enum Named {
    /// Whoever is named.
    Any(Anybody),
    /// Only these; an empty list is nobody.
    Only(BTreeSet<String>),
}

/// `*`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Anybody {
    /// Whoever is named.
    #[serde(rename = "*")]
    Anybody,
}

impl Named {
    /// Whoever is named.
    pub const ANY: Self = Self::Any(Anybody::Anybody);

    /// Only these; `*` among them, and alone, is everybody.
    ///
    /// # Errors
    /// `*` beside other values.
    pub fn of(values: impl IntoIterator<Item = String>) -> Result<Self, BadToken> {
        let values: BTreeSet<String> = values.into_iter().collect();
        match values.contains("*") {
            false => Ok(Self::Only(values)),
            true if values.len() == 1 => Ok(Self::ANY),
            true => Err(BadToken::Star),
        }
    }

    /// Whether a token so bound may name this one.
    pub fn allows(&self, value: &str) -> bool {
        match self {
            Self::Any(_) => true,
            Self::Only(values) => values.contains(value),
        }
    }

    /// Whether it is on an explicit list: the log then vouches for it.
    pub fn vouches_for(&self, value: &str) -> bool {
        matches!(self, Self::Only(values) if values.contains(value))
    }

    pub(crate) fn check(&self) -> Result<(), BadToken> {
        let Self::Only(values) = self else { return Ok(()) };
        if values.len() > BINDINGS_PER_TOKEN_MAX {
            return Err(BadToken::TooManyBindings);
        }
        if values.contains("*") {
            return Err(BadToken::Star);
        }
        let fits = |value: &String| (1..=BINDING_BYTES_MAX).contains(&value.len());
        if values.iter().all(fits) { Ok(()) } else { Err(BadToken::Binding) }
    }
}

impl Bindings {
    /// Bound to nobody in particular.
    pub const ANY: Self = Self { producers: Named::ANY, agents: Named::ANY, principals: Named::ANY };

    pub(crate) fn check(&self) -> Result<(), BadToken> {
        [&self.producers, &self.agents, &self.principals].into_iter().try_for_each(Named::check)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_is_a_star_or_a_list_of_exact_values() {
        let list: Named = serde_json::from_str(r#"["a","b"]"#).unwrap();
        assert!(list.allows("a") && list.vouches_for("a"));
        assert!(!list.allows("A") && !list.allows("a ") && !list.allows("*") && !list.vouches_for("c"));
        let any: Named = serde_json::from_str(r#""*""#).unwrap();
        assert_eq!(any, Named::ANY);
        assert!(any.allows("a") && !any.vouches_for("a"), "nobody vouches for a name that anybody may use");
        assert_eq!(serde_json::to_string(&any).unwrap(), r#""*""#);
        let nobody = Named::of([]).unwrap();
        assert!(!nobody.allows("a") && !nobody.allows(""));
        let bad = serde_json::from_str::<Named>(r#""a""#).unwrap_err();
        assert!(bad.to_string().contains("a list of exact values"), "{bad}");
        assert_eq!(Named::of(["*".to_owned()]), Ok(Named::ANY));
        assert_eq!(Named::of(["*".to_owned(), "a".to_owned()]), Err(BadToken::Star));
    }

    #[test]
    fn bindings_are_bounded() {
        let many = (0..=BINDINGS_PER_TOKEN_MAX).map(|number| number.to_string());
        assert_eq!(Named::of(many).unwrap().check(), Err(BadToken::TooManyBindings));
        for bad in [String::new(), "x".repeat(BINDING_BYTES_MAX + 1)] {
            assert_eq!(Named::of([bad]).unwrap().check(), Err(BadToken::Binding));
        }
        let starred: Named = serde_json::from_str(r#"["*"]"#).unwrap();
        assert_eq!(starred.check(), Err(BadToken::Star));
    }
}
