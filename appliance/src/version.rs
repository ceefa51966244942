//! `mistgate version`

pub(crate) fn run() -> Result<(), String> {
    crate::say(&format!(
        "mistgate {} {} {}",
        env!("CARGO_PKG_VERSION"),
        env!("MISTGATE_TARGET"),
        env!("MISTGATE_COMMIT")
    ));
    Ok(())
}
