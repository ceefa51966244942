//! Placeholder.
use super::Notification;
/// Placeholder.
pub fn digest(many: &[Notification]) -> Notification {
    many[0].clone()
}
