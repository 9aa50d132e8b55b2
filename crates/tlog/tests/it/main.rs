//! The text formats of a log, against published and generated vectors and against bad input.

mod checkpoint;
mod cosignature;
mod key;
mod note;
mod vectors;
