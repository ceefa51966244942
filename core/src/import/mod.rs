//! The configurations of the old programs, MWTT, MESA and the Micronets websocket proxy: their text
//! in, ours out, with what could not be carried over.

pub mod value;

pub mod cursor;
mod literal;

pub mod python;
