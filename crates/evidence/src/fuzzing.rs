//! What holds for any bytes at all. For the fuzz target and for tests; not part of the interface.

use crate::form::Evidence;
use crate::html;
use crate::make::Show;
use crate::sentence::Class;

/// What is read prints back to the same bytes; it can be verified, redacted and told, whatever it says.
pub fn evidence(data: &[u8]) {
    let Ok(file) = Evidence::parse(data) else { return };
    assert_eq!(file.to_bytes(), data, "another spelling was read");
    let report = file.verify(None);
    assert!(report.class() >= Class::CannotTell, "nobody said whom to believe, and it holds");
    for sentence in &report.sentences {
        assert!(!sentence.words.contains(char::is_control), "{sentence:?}");
    }
    let page = html::page(&report);
    assert!(!page.contains("<script"), "{page}");
    if let Ok(redacted) = file.redact(&Show::Nothing) {
        let shorter = redacted.to_bytes();
        assert_eq!(Evidence::parse(&shorter).as_ref(), Ok(&redacted));
        assert_eq!(redacted.verify(None).verified.is_some(), report.verified.is_some());
    }
}
