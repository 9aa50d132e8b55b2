//! What the airline's tools do, when its policy wants a yes, and what counts as one.

/// The policy's rule on confirmation, as its text has it.
pub(crate) const RULE: &str = "- Before taking any actions that update the booking database (booking, modifying \
     flights, editing baggage, upgrading cabin class, or updating passenger information), you must list the action \
     details and obtain explicit user confirmation (yes) to proceed.";

/// Tools that change a booking: the rule wants the customer's yes before each call.
pub(crate) const NEEDS_A_YES: [&str; 5] = [
    "book_reservation",
    "cancel_reservation",
    "update_reservation_baggages",
    "update_reservation_flights",
    "update_reservation_passengers",
];
/// Tools that change something the rule does not speak of.
const WRITES_FREELY: [&str; 2] = ["send_certificate", "transfer_to_human_agents"];
const READS: [&str; 7] = [
    "calculate",
    "get_reservation_details",
    "get_user_details",
    "list_all_airports",
    "search_direct_flight",
    "search_onestop_flight",
    "think",
];

/// Whether a tool changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl Effect {
    /// The word in a record's `action.effect`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What `tool` does; nothing for a tool that is in no table.
pub(crate) fn effect(tool: &str) -> Option<Effect> {
    if READS.contains(&tool) {
        Some(Effect::Read)
    } else {
        (NEEDS_A_YES.contains(&tool) || WRITES_FREELY.contains(&tool)).then_some(Effect::Write)
    }
}

/// What is known of an approval when a call is made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Approval<'a> {
    /// The customer said yes; the agent's transcript says so, nobody signed it.
    Human {
        /// Position of the message with the yes.
        message: usize,
        /// All of that message.
        answer: &'a str,
    },
    /// The rule wants a yes and the word is not there; what the customer did say may or may not mean one.
    Unknown,
    /// Nobody asks for a yes.
    NotRequired,
}

/// The approval that a call of `tool` rests on, `user` being the customer's last message before it.
pub(crate) fn approval<'a>(tool: &str, effect: Effect, user: Option<(usize, &'a str)>) -> Approval<'a> {
    match (effect, user) {
        (Effect::Write, Some((message, answer))) if says_yes(answer) => Approval::Human { message, answer },
        (Effect::Write, _) if NEEDS_A_YES.contains(&tool) => Approval::Unknown,
        _ => Approval::NotRequired,
    }
}

/// Whether the word yes stands in `text`, in capitals or not; neither "yesterday" nor "eyes" holds it.
pub(crate) fn says_yes(text: &str) -> bool {
    let within_words = |c: char| c.is_alphanumeric() || c == '_';
    text.split(|c| !within_words(c)).any(|word| word.eq_ignore_ascii_case("yes"))
}

/// A result's `outcome.status`. The benchmark's tools have one way to fail: a text that begins with "Error".
pub(crate) fn status(result: &str) -> &'static str {
    if result.starts_with("Error") { "error" } else { "ok" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_yes_is_a_word_of_its_own() {
        let yes = ["yes", "Yes, please.", "well... YES!", "ok\nyes", "\"yes\"", "yes-yes", "Yes\u{2019}"];
        let not = ["", "yesterday", "eyes", "yess", "y e s", "yes_please", "proceed", "sure", "d\u{e9}yes"];
        assert_eq!(yes.map(says_yes), [true; 7], "{yes:?}");
        assert_eq!(not.map(says_yes), [false; 9], "{not:?}");
    }

    #[test]
    fn a_yes_counts_only_before_a_write_and_is_missed_only_where_the_rule_wants_it() {
        let (yes, no) = (Some((3, "Yes.")), Some((3, "Go on.")));
        let human = || Approval::Human { message: 3, answer: "Yes." };
        let table = [
            ("cancel_reservation", yes, human()),
            ("cancel_reservation", no, Approval::Unknown),
            ("cancel_reservation", None, Approval::Unknown),
            ("send_certificate", yes, human()),
            ("send_certificate", no, Approval::NotRequired),
            ("get_user_details", yes, Approval::NotRequired),
            ("think", None, Approval::NotRequired),
        ];
        for (tool, user, wanted) in table {
            assert_eq!(approval(tool, effect(tool).unwrap(), user), wanted, "{tool} after {user:?}");
        }
        assert_eq!(effect("launch_rocket"), None);
    }

    #[test]
    fn only_a_text_that_begins_with_error_is_one() {
        let results = ["Error: payment method not found", "", "[]", "255.0", "{\"note\": \"Error\"}"];
        assert_eq!(results.map(status), ["error", "ok", "ok", "ok", "ok"]);
    }
}
