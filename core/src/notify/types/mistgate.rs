//! Our own reports about chat destinations, sent through those that still work.

use super::{Kind, kinds};

pub(in crate::notify) const KINDS: &[Kind] = kinds! {
    DESTINATION_PARKED Critical "Chat destination stopped"
        "Sending to [{destination}|a destination] stopped[: {reason}].[ {waiting} there.]"
        raises DESTINATION "destination";
    DESTINATION_RESUMED Info "Chat destination resumed"
        "Sending to [{destination}|a destination] works again[: {reason}].[ {waiting} there.]"
        clears DESTINATION "destination";
};
