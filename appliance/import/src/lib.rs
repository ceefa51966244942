//! The configurations of the old programs, MWTT, MESA and the Micronets websocket proxy: their text
//! in, ours out, with notes on what could not be carried over.
//!
//! Whether a value is valid is decided by [`mistgate_core::config`], which checks the new text
//! before it is given out.

use std::fmt::Write as _;

use mistgate_core::config::problem::Problem;

pub mod value;

mod literal;
pub mod python;

mod entry;

pub mod draft;
mod old;

mod common;
mod mesa;
pub mod micronets;
mod mwtt;

use self::draft::{Draft, File, Note};
use self::{entry::Origin, micronets::Folder, python::Module};

/// The configurations of those old programs that were in use.
#[derive(Default)]
pub struct Programs {
    pub mwtt: Option<Program>,
    pub mesa: Option<Program>,
    pub micronets: Option<Folder>,
}

/// A file of Python: a `config.py`, or the program of the websocket proxy.
pub struct Program {
    /// Its name as the user gave it.
    pub name: String,
    pub text: String,
}

/// The new configuration.
#[derive(Debug)]
pub struct Imported {
    pub toml: String,
    /// The files that it names, to be written beside it.
    pub files: Vec<File>,
    /// In the order of the old files.
    pub notes: Vec<Note>,
}

/// Makes one configuration of those of all programs. A text that is no Python is an error, and then
/// there is nothing to write.
pub fn import(programs: &Programs) -> Result<Imported, Vec<Note>> {
    let Programs { mwtt, mesa, micronets } = programs;
    let mut errors = Vec::new();
    let mut parse = |program: Option<&Program>, needs: &str| {
        program.and_then(|program| read(program, needs).map_err(|note| errors.push(note)).ok())
    };
    let mwtt_module = parse(mwtt.as_ref(), "mist_conf");
    let mesa_module = parse(mesa.as_ref(), "mist_conf");
    let proxy = parse(micronets.as_ref().and_then(|folder| folder.program.as_ref()), "");
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut draft = Draft::default();
    if let Some((program, module)) = mwtt.as_ref().zip(mwtt_module) {
        passed_over("MWTT", &program.name, &module, &mut draft);
        mwtt::import(&module, &program.name, &mut draft);
    }
    if let Some((program, module)) = mesa.as_ref().zip(mesa_module) {
        passed_over("MESA", &program.name, &module, &mut draft);
        mesa::import(&module, &program.name, &mut draft);
    }
    common::secrets(&mut draft);
    if let Some(folder) = micronets {
        micronets::import(folder, &proxy.unwrap_or_default(), &mut draft);
    }
    draft.settle();
    leave_out_method_without_mist(&mut draft);
    let mut imported = draft.finish(&head(programs));
    imported.toml.push_str("\n[admin]\nlisten = \"127.0.0.1:9361\"\n");
    Ok(imported)
}

/// Reads a file. It must give the name `needs` a value, without which the old program does not
/// start; an empty `needs` asks for nothing.
fn read(program: &Program, needs: &str) -> Result<Module, Note> {
    let (line, what) = match python::parse(&program.text) {
        Ok(module) if needs.is_empty() || module.assigned.contains_key(needs) => return Ok(module),
        Ok(_) => (1, format!("there is no {needs} in this file")),
        Err(error) => (error.line, format!("{}, so nothing was read", error.what)),
    };
    let expected = "a configuration that the old program runs with".into();
    let about = Problem { line, key: String::new(), what, expected };
    Err(Note { file: program.name.clone(), about })
}

/// Reports the statements that are no assignments.
fn passed_over(program: &'static str, file: &str, module: &Module, draft: &mut Draft) {
    if let Some((&line, others)) = module.passed_over.split_first() {
        let mut what = String::from("passed over, as it does more than to name a value");
        if !others.is_empty() {
            let _ = write!(what, "; and so in {} more places", others.len());
        }
        let origin = Origin { program, file: file.into(), line, key: String::new() };
        draft.note(&origin, what, "what it sets, by hand");
    }
}

/// Leaves the method out if the settings of Mist's API are missing: mistgate refuses it then.
fn leave_out_method_without_mist(draft: &mut Draft) {
    let missing =
        ["token_file", "org_id"].into_iter().find(|key| draft.origin("mist", key).is_none());
    if let Some(missing) = missing
        && let Some(origin) = draft.origin("ports", "method").cloned()
    {
        let what = "left out, as nothing can be decided without what Mist says";
        draft.note(&origin, what, format!("mist.{missing}, and then ports.method"));
        draft.remove("ports", "method");
    }
}

fn head(Programs { mwtt, mesa, micronets }: &Programs) -> String {
    let names = [
        mwtt.as_ref().map(|program| (&program.name, "MWTT")),
        mesa.as_ref().map(|program| (&program.name, "MESA")),
        micronets.as_ref().map(|folder| (&folder.name, "Micronets")),
    ];
    let line = |(name, program): (&String, _)| format!("#   {} ({program})\n", name.escape_debug());
    let names: String = names.into_iter().flatten().map(line).collect();
    format!(
        "# Made by mistgate import out of\n{names}\
         # Behind each value is the setting that it comes from. The files that are named here are \
         in\n\
         # the folder of this one. Before anything is started, look at it with\n\
         #   mistgate check --config mistgate.toml\n\
         state_dir = \"/var/lib/mistgate\"\n"
    )
}

#[cfg(test)]
mod tests;
