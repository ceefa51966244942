//! The size of the product.

use std::collections::BTreeMap;

use super::sources;

/// The most lines of the product. Lower it with each change that makes the product smaller.
const PRODUCT_LINES_MAX: usize = 48_000;

/// Lines of core, runtime and appliance that are neither blank nor comments nor tests.
fn product_lines(name: &str, text: &str) -> usize {
    let is_product =
        ["core/src/", "runtime/src/", "appliance/"].iter().any(|folder| name.starts_with(folder));
    if !is_product || name.ends_with("/tests.rs") {
        return 0;
    }
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"))
        .count()
}

#[test]
#[expect(clippy::print_stdout, reason = "libtest keeps it, and shows it where it is asked to")]
fn the_product_stays_small() {
    let mut areas: BTreeMap<String, usize> = BTreeMap::new();
    for (name, text) in sources() {
        let area: Vec<&str> = name.split('/').take(3).collect();
        *areas.entry(area.join("/")).or_default() += product_lines(&name, &text);
    }
    let all: usize = areas.values().sum();
    let listed: String = areas
        .iter()
        .filter(|(_, lines)| **lines > 0)
        .map(|(area, lines)| format!("{lines:6}  {area}\n"))
        .collect();
    println!("{listed}{all:6}  lines of the product");
    assert!(all > 10_000, "only {all} lines found");
    assert!(all <= PRODUCT_LINES_MAX, "{all} lines, at most {PRODUCT_LINES_MAX} wanted:\n{listed}");
}
