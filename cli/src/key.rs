//! `causality-vm key`.

use causality_vm::resource::KeyPair;
use serde_json::Value;

use crate::args::{KeyArgs, KeyCommand};
use crate::failure::Failure;
use crate::{key_file, printing};

/// Makes a key, or tells whose one is.
pub(crate) fn key(args: &KeyArgs) -> Result<u8, Failure> {
    let key = match &args.command {
        KeyCommand::New { file } => {
            let key = KeyPair::generate();
            key_file::create(file, &key)?;
            key
        }
        KeyCommand::Show { file } => key_file::read(file)?,
    };
    printing::print(false, &Value::Null, &format!("{}\n", key.principal()))
}
