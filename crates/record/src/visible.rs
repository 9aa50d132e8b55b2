//! What somebody else wrote, fit to be shown to people: nothing in it acts on a terminal or a page, and nothing hides.
//!
//! Control characters, those that nobody sees and those that turn the direction of writing become escapes (`\u{202e}`).
//! Quotes and backslashes stay as they are: what is shown is for eyes, and never read back.

/// The text on one line.
pub fn visible(text: &str) -> String {
    shown(text, |_| false)
}

/// The text with its line breaks and tabs, for where there is room.
pub fn visible_lines(text: &str) -> String {
    shown(text, |c| matches!(c, '\n' | '\t'))
}

fn shown(text: &str, also_plain: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, c| {
        if matches!(c, '"' | '\'' | '\\') || also_plain(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
        shown
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_spelled_out_and_the_rest_stays() {
        let evil = "\u{1b}[2J\u{202e}a\u{200b}\u{7f}\u{85}\u{feff}\r";
        assert_eq!(visible(evil), "\\u{1b}[2J\\u{202e}a\\u{200b}\\u{7f}\\u{85}\\u{feff}\\r");
        for plain in ["\"it's\" \\ ok", "Grüße, 東京, שלום", ""] {
            assert_eq!(visible(plain), plain);
        }
        assert_eq!((visible("a\n\tb"), visible_lines("a\n\tb\r")), ("a\\n\\tb".into(), "a\n\tb\\r".into()));
    }
}
