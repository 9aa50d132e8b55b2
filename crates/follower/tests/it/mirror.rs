//! A mirror below HTTP: what it copies, cosigns and shows, and what is left of it after a bad day.

mod anybody;
mod copying;
mod cuts;
mod opening;
mod pushing;
mod world;
