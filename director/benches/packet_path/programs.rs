//! How large the loaded programs are, and how much of the verifier's million instructions they took.

use std::collections::BTreeMap;

use anyhow::Result;
use aya::programs::{ProgramInfo, loaded_programs};

use crate::table;

/// Bytes of an instruction.
const INSTRUCTION: u32 = 8;
const NAMES: [&str; 4] = ["director", "clock", "harness", "floor"];

/// Of each name the one that was loaded last: this process's own.
pub(crate) fn describe() -> Result<String> {
    let mut newest: BTreeMap<&str, ProgramInfo> = BTreeMap::new();
    for program in loaded_programs() {
        let program = program?;
        let Some(name) = NAMES
            .into_iter()
            .find(|name| program.name_as_str() == Some(name))
        else {
            continue;
        };
        if newest
            .get(name)
            .is_none_or(|known| known.id() < program.id())
        {
            newest.insert(name, program);
        }
    }
    let mut table = table::titled(
        &[
            "program",
            "instructions",
            "machine code, bytes",
            "instructions verified",
        ],
        1,
    );
    let shown = |number: Option<u32>| number.map_or("-".to_owned(), |number| number.to_string());
    for (name, program) in &newest {
        table.add_row([
            (*name).to_owned(),
            shown(program.size_translated().map(|bytes| bytes / INSTRUCTION)),
            program.size_jitted().to_string(),
            shown(program.verified_instruction_count()),
        ]);
    }
    Ok(table.to_string())
}
