//! `deedbook witness` as a process of its own: made, enrolled for, asked, stopped, killed, robbed of its files.

mod forks;
mod killed;
mod list;
mod made;
pub(crate) mod process;
mod watched;
