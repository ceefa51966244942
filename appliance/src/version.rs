//! `mistgate version`

use mistgate_runtime::base::{sandbox, store};

use crate::args::Version;

/// What was chosen when it was built.
const FEATURES: [(&str, bool); 3] = [
    ("static", cfg!(target_feature = "crt-static")),
    ("dlmalloc", cfg!(target_env = "musl")),
    ("debug assertions", cfg!(debug_assertions)),
];

pub(crate) fn run(args: &Version) -> Result<(), String> {
    crate::say(&format!(
        "mistgate {} {} {}",
        env!("CARGO_PKG_VERSION"),
        env!("MISTGATE_TARGET"),
        env!("MISTGATE_COMMIT")
    ));
    if args.verbose {
        let features = FEATURES.iter().filter(|(_, is_on)| *is_on).map(|(name, _)| *name);
        let features: Vec<&str> = features.collect();
        let (holds, lacks) = sandbox::try_out()?;
        let lacks = if lacks.is_empty() { "nothing" } else { &lacks };
        crate::say(&format!(
            "compiler  {}\nfeatures  {}\nstore     format {}\nsandbox   {holds}\nlacks     {lacks}",
            env!("MISTGATE_RUSTC"),
            features.join(", "),
            store::FORMAT
        ));
    }
    Ok(())
}
