//! The marks that secrets begin with, and what must follow each. Lengths and alphabets are those that the issuers publish
//! for their scanning partners, or else those of the keys that they give out; where they only ever grew, longer ones pass.

use super::Kind;
use super::http;
use super::key;
use super::shape::Alphabet::{self, Alnum, Base64, Dotted, Hex, Letters, Url, Word};
use super::shape::{Shape, run};

/// One mark, and the rule for what follows it.
pub(super) struct Rule {
    pub(super) mark: &'static str,
    kind: Kind,
    follows: Follows,
}

/// What must follow a mark.
enum Follows {
    /// A run of so many characters, the whole of it, that is more than a placeholder. Where a word or a name could have
    /// the alphabet and the length, letters of both cases are demanded.
    Run { alphabet: Alphabet, least: usize, most: usize, mixed_case: bool },
    /// Whatever this function takes, which gets the bytes, and where the mark begins and ends.
    Judged { by: fn(&[u8], usize, usize) -> bool, inside_words: bool },
}

/// A run without an upper bound is looked at so far and no farther.
const LOOK_AHEAD: usize = 512;

impl Rule {
    /// The kind of secret that begins with the mark at `from..to` of `bytes`, if one does.
    pub(super) fn judge(&self, bytes: &[u8], from: usize, to: usize) -> Option<Kind> {
        if self.starts_a_word() && from > 0 && bytes[from - 1].is_ascii_alphanumeric() {
            return None;
        }
        let holds = match self.follows {
            Follows::Run { alphabet, least, most, mixed_case } => {
                let run = run(bytes, to, alphabet, most.saturating_add(1).min(LOOK_AHEAD));
                let shape = Shape::of(run);
                (least..=most).contains(&run.len())
                    && shape.is_varied()
                    && (!mixed_case || shape.has_mixed_case())
            }
            Follows::Judged { by, .. } => by(bytes, from, to),
        };
        holds.then_some(self.kind)
    }

    /// Whether the mark counts only where no letter or digit stands before it: `sk-` does not begin in `task-`.
    pub(super) fn starts_a_word(&self) -> bool {
        !matches!(self.follows, Follows::Judged { inside_words: true, .. })
    }
}

/// A token of an issuer: its mark, then a run.
const fn key(
    issuer: &'static str,
    mark: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
) -> Rule {
    of(Kind::ApiKey(issuer), mark, Follows::Run { alphabet, least, most, mixed_case: false })
}

/// As [`key()`], for a run that words could be, joined by hyphens or underscores or not at all.
const fn mixed(
    issuer: &'static str,
    mark: &'static str,
    alphabet: Alphabet,
    least: usize,
    most: usize,
) -> Rule {
    of(Kind::ApiKey(issuer), mark, Follows::Run { alphabet, least, most, mixed_case: true })
}

const fn of(kind: Kind, mark: &'static str, follows: Follows) -> Rule {
    Rule { mark, kind, follows }
}

const fn judged(kind: Kind, mark: &'static str, by: fn(&[u8], usize, usize) -> bool) -> Rule {
    of(kind, mark, Follows::Judged { by, inside_words: false })
}

const fn judged_anywhere(kind: Kind, mark: &'static str, by: fn(&[u8], usize, usize) -> bool) -> Rule {
    of(kind, mark, Follows::Judged { by, inside_words: true })
}

/// No upper bound.
const MORE: usize = usize::MAX;

/// All rules. No mark begins another, so that each place has one rule at most.
#[rustfmt::skip]
pub(super) static RULES: &[Rule] = &[
    // RFC 7515, section 3.1: base64url of `{"`, or of `{` and white space.
    judged(Kind::Jwt, "eyJ", key::is_jwt),
    judged(Kind::Jwt, "eyA", key::is_jwt),
    judged(Kind::Jwt, "ewo", key::is_jwt),
    judged(Kind::Jwt, "ew0", key::is_jwt),
    judged(Kind::Jwt, "ewk", key::is_jwt),
    // Private keys.
    judged_anywhere(Kind::PrivateKey, "-----BEGIN ", key::is_pem),
    judged(Kind::PrivateKey, "PRIVATE+KEY+", key::is_note_key), // C2SP signed-note, as Go's note package writes it
    of(Kind::PrivateKey, "AGE-SECRET-KEY-", Follows::Run { alphabet: Url, least: 59, most: MORE, mixed_case: false }),
    of(Kind::PrivateKey, "RWRTY0Iy", Follows::Run { alphabet: Base64, least: 150, most: MORE, mixed_case: true }), // minisign
    // HTTP.
    judged(Kind::Authorization, "Bearer", http::is_bearer),
    judged(Kind::Authorization, "bearer", http::is_bearer),
    judged(Kind::Authorization, "BEARER", http::is_bearer),
    judged_anywhere(Kind::Authorization, "uthorization", http::is_authorization),
    judged_anywhere(Kind::Authorization, "AUTHORIZATION", http::is_authorization),
    // This log's own: `dbk_` and base64url of the secret.
    of(Kind::DeedbookToken, "dbk_", Follows::Run { alphabet: Url, least: 32, most: MORE, mixed_case: true }),
    // Models.
    judged(Kind::ApiKey("a model's provider (sk-)"), "sk-", key::is_sk),
    key("xAI", "xai-", Alnum, 60, MORE),
    key("Groq", "gsk_", Alnum, 48, MORE),
    key("Perplexity", "pplx-", Alnum, 40, MORE),
    mixed("Hugging Face", "hf_", Letters, 34, 34),
    // Code, packages, images.
    key("GitHub", "ghp_", Alnum, 36, MORE),
    key("GitHub", "gho_", Alnum, 36, MORE),
    key("GitHub", "ghu_", Alnum, 36, MORE),
    key("GitHub", "ghs_", Alnum, 36, MORE),
    key("GitHub", "ghr_", Alnum, 36, MORE),
    mixed("GitHub", "github_pat_", Word, 82, MORE),
    mixed("GitLab", "glpat-", Dotted, 20, MORE),
    mixed("GitLab", "gldt-", Url, 20, MORE),
    mixed("GitLab", "glrt-", Dotted, 20, MORE),
    mixed("GitLab", "glcbt-", Url, 20, MORE),
    mixed("GitLab", "glsoat-", Url, 20, MORE),
    key("GitLab", "glptt-", Hex, 40, 40),
    key("npm", "npm_", Alnum, 36, 36),
    mixed("PyPI", "pypi-AgE", Url, 50, MORE),
    key("RubyGems", "rubygems_", Hex, 48, 48),
    mixed("Docker", "dckr_pat_", Url, 27, MORE),
    mixed("Docker", "dckr_oat_", Url, 27, MORE),
    key("Pulumi", "pul-", Hex, 40, 40),
    // Clouds.
    judged(Kind::ApiKey("AWS"), "AKIA", key::is_aws_pair),
    judged(Kind::ApiKey("AWS"), "ASIA", key::is_aws_pair),
    judged_anywhere(Kind::ApiKey("AWS"), "ecret_access_key", key::is_aws_secret),
    judged_anywhere(Kind::ApiKey("AWS"), "ecretAccessKey", key::is_aws_secret),
    judged_anywhere(Kind::ApiKey("AWS"), "ECRET_ACCESS_KEY", key::is_aws_secret),
    mixed("AWS", "ABSK", Base64, 109, MORE),
    mixed("Google", "AIza", Url, 35, 35),
    mixed("Google", "GOCSPX-", Url, 28, 28),
    mixed("Google", "ya29.", Url, 40, MORE),
    key("DigitalOcean", "dop_v1_", Hex, 64, 64),
    key("DigitalOcean", "doo_v1_", Hex, 64, 64),
    key("DigitalOcean", "dor_v1_", Hex, 64, 64),
    key("Databricks", "dapi", Hex, 32, 32),
    mixed("HashiCorp Vault", "hvs.", Url, 90, MORE),
    mixed("HashiCorp Vault", "hvb.", Url, 130, MORE),
    // Work and money.
    judged(Kind::ApiKey("Slack"), "xox", key::is_slack),
    judged(Kind::ApiKey("Slack"), "xapp-", key::is_slack_app),
    judged(Kind::ApiKey("SendGrid"), "SG.", key::is_sendgrid),
    key("Stripe", "sk_live_", Alnum, 16, MORE),
    key("Stripe", "sk_test_", Alnum, 16, MORE),
    key("Stripe", "rk_live_", Alnum, 16, MORE),
    key("Stripe", "rk_test_", Alnum, 16, MORE),
    mixed("Stripe", "whsec_", Base64, 32, MORE),
    key("Shopify", "shpat_", Hex, 32, 32),
    key("Shopify", "shpss_", Hex, 32, 32),
    key("Linear", "lin_api_", Alnum, 40, 40),
    mixed("Atlassian", "ATATT3", Url, 150, MORE),
    key("Sentry", "sntryu_", Hex, 64, 64),
    mixed("Grafana", "glsa_", Word, 41, MORE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mark_begins_another() {
        for (n, rule) in RULES.iter().enumerate() {
            for (m, other) in RULES.iter().enumerate() {
                assert!(n == m || !other.mark.starts_with(rule.mark), "{} {}", rule.mark, other.mark);
            }
        }
    }

    #[test]
    fn the_searcher_finds_each_mark_as_its_own() {
        for (n, rule) in RULES.iter().enumerate() {
            let text = format!(" - {} ", rule.mark);
            let found: Vec<_> =
                super::super::marks(text.as_bytes()).map(|mark| (mark.rule, mark.from)).collect();
            assert!(found.contains(&(n, 3)), "{}: {found:?}", rule.mark);
        }
    }

    /// Canonical JSON has no way to write these otherwise, so a mark in a string is a mark in the record's bytes.
    #[test]
    fn no_mark_needs_an_escape() {
        for rule in RULES {
            assert!(
                rule.mark.bytes().all(|byte| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\')
            );
        }
    }
}
