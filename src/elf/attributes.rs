//! `.riscv.attributes`: what the compiler says the program is built for.

use object::LittleEndian as LE;
use object::elf::{FileHeader64, SHT_RISCV_ATTRIBUTES, Tag_File};
use object::read::elf::{AttributeReader, SectionHeader as _, SectionTable};

use super::LoadError;

/// `Tag_RISCV_arch` of the RISC-V psABI: a string.
const ARCH: u64 = 5;

/// The ISA string the file was built for, if it says.
pub(super) fn arch(
    bytes: &[u8],
    sections: &SectionTable<'_, FileHeader64<LE>>,
) -> Result<Option<String>, LoadError> {
    match sections.iter().find(|section| section.sh_type(LE) == SHT_RISCV_ATTRIBUTES) {
        None => Ok(None),
        Some(section) => {
            let data = section.data(LE, bytes).map_err(malformed)?;
            find_arch(data).map_err(malformed)
        }
    }
}

fn find_arch(data: &[u8]) -> object::read::Result<Option<String>> {
    let section = object::read::elf::AttributesSection::<FileHeader64<LE>>::new(LE, data)?;
    for subsection in section.subsections()? {
        let subsection = subsection?;
        if subsection.vendor() != b"riscv" {
            continue;
        }
        for file in subsection.subsubsections() {
            let file = file?;
            if file.tag() == Tag_File
                && let Some(arch) = read_arch(file.attributes())?
            {
                return Ok(Some(arch));
            }
        }
    }
    Ok(None)
}

/// By the psABI an attribute with an odd tag is a string, one with an even tag a number.
fn read_arch(mut attributes: AttributeReader<'_>) -> object::read::Result<Option<String>> {
    while let Some(tag) = attributes.read_tag()? {
        if tag % 2 == 0 {
            attributes.read_integer()?;
            continue;
        }
        let text = attributes.read_string()?;
        if tag == ARCH {
            return Ok(Some(String::from_utf8_lossy(text).into_owned()));
        }
    }
    Ok(None)
}

fn malformed(error: object::read::Error) -> LoadError {
    LoadError::Attributes { reason: error.to_string() }
}
