//! The one integration test binary: each module looks at the product from one side.

mod limits;
mod validators;
mod vectors;
