//! The walks of the architecture page: every file and item that a step names is there.

use std::{collections::BTreeSet, fs};

use super::{none, root};

const PAGE: &str = "appliance/docs/architecture.md";
const STEPS_MAX: usize = 6;
/// The headings of the walks.
const WALKS: [&str; 9] = [
    "One webhook",
    "One access point",
    "One message",
    "Where is a signature verified?",
    "Where is it decided that a port becomes a trunk?",
    "Where is it decided that a commit is confirmed?",
    "Where is a Teams card shaped?",
    "Where does a message between two peers cross?",
    "What happens to a 429?",
];

/// A step such as ``1. `core/src/route.rs` `route`: decides …``, whose item is a function.
struct Step {
    file: String,
    item: String,
}

impl Step {
    fn parse(line: &str) -> Option<Self> {
        let (number, rest) = line.split_once(". ")?;
        number.parse::<usize>().ok()?;
        let mut quoted = rest.split('`').skip(1).step_by(2);
        Some(Self { file: quoted.next()?.to_owned(), item: quoted.next()?.to_owned() })
    }

    /// The wing that the file belongs to, such as `core/ports`.
    fn wing(&self) -> String {
        let mut parts = self.file.split('/').filter(|part| *part != "src");
        let (layer, wing) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{layer}/{}", wing.trim_end_matches(".rs"))
    }

    /// What is wrong with the step, if anything.
    fn fault(&self) -> Option<String> {
        let Self { file, item } = self;
        let Ok(text) = fs::read_to_string(root().join(file)) else {
            return Some(format!("{file} is not there"));
        };
        let beginnings = ['(', '<'].map(|end| format!("fn {item}{end}"));
        let is_defined = beginnings.iter().any(|beginning| text.contains(beginning));
        (!is_defined).then(|| format!("{file} does not define {item}"))
    }
}

/// The walks of the page: each heading with its steps.
fn walks(page: &str) -> Vec<(&str, Vec<Step>)> {
    page.split("\n### ")
        .skip(1)
        .map(|walk| {
            let (heading, text) = walk.split_once('\n').unwrap_or((walk, ""));
            let text = text.split("\n## ").next().unwrap_or(text);
            (heading, text.lines().filter_map(Step::parse).collect::<Vec<_>>())
        })
        .filter(|(_, steps)| !steps.is_empty())
        .collect()
}

#[test]
fn the_walks_lead_through_files_and_items_that_exist() {
    let page = fs::read_to_string(root().join(PAGE)).expect("the architecture page");
    let walks = walks(&page);
    let headings: Vec<&str> = walks.iter().map(|(heading, _)| *heading).collect();
    assert_eq!(headings, WALKS);
    let mut faults = Vec::new();
    for (heading, steps) in &walks {
        if steps.len() > STEPS_MAX {
            faults.push(format!("{heading}: {} steps", steps.len()));
        }
        let mut left = BTreeSet::new();
        let mut here = String::new();
        for step in steps {
            faults.extend(step.fault().map(|fault| format!("{heading}: {fault}")));
            let wing = step.wing();
            if wing != here {
                if !left.insert(wing.clone()) {
                    faults.push(format!("{heading}: enters {wing} twice"));
                }
                here = wing;
            }
        }
    }
    none(faults);
}
