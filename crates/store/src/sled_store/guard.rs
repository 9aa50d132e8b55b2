//! sled panics where it might answer an error, above all on files that were altered. Here that becomes an error.

use std::{any::Any, cell::Cell, panic::AssertUnwindSafe};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread would be caught here and told as an error. For a program's panic hook: such a panic
/// is no news.
pub fn panics_are_caught() -> bool {
    CATCHING.get()
}

/// Does something with sled; what it said, on one line, if it panicked.
pub(super) fn catching<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = CATCHING.replace(true);
    // What sled leaves behind is not used for writing any more: a panic there is final, as an error is.
    let done = std::panic::catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(outer);
    done.map_err(|panic| first_line(&*panic))
}

fn first_line(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
    text.lines().next().unwrap_or("sled does not say why").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_on_one_line_and_the_thread_is_as_before() {
        assert!(!panics_are_caught());
        assert_eq!(catching(|| 1 + usize::from(panics_are_caught())), Ok(2));
        let told = catching(|| -> u8 { panic!("lsn {} is wrong\n left: 1\n right: 2", 7) });
        assert_eq!(told, Err("lsn 7 is wrong".to_owned()));
        let nested = catching(|| {
            let inner = catching(|| -> u8 { panic!("inside") });
            (inner.is_err(), panics_are_caught())
        });
        assert_eq!(nested, Ok((true, true)), "still inside the outer one");
        assert!(!panics_are_caught());
    }
}
