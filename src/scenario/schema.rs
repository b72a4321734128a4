//! The schema: the tables of our own blocks and their fields, beside which the products put theirs.
//!
//! A table is written once, in the file that reads its block, and feeds three: the reader (unknown fields, required
//! fields, defaults), `help schema`, and the nearest name of an error. A default is text in the notation of a scenario and
//! is read like what a person writes, so it cannot disagree with what is documented.

/// A table of a scenario.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Where it stands: `consumer.NAME`, `producer.NAME.keys`.
    pub path: &'static str,
    /// What it is, as an error names it: "a consumer".
    pub what: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of a block.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be given.
    pub need: Need,
    /// What it takes: "a length of time".
    pub takes: &'static str,
    /// What it says, in a sentence.
    pub text: &'static str,
}

/// Whether a field must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It need not, and then there is nothing in its place.
    Optional,
    /// It need not, and then it is this.
    Default(&'static str),
}

pub(crate) const fn required(name: &'static str, takes: &'static str, text: &'static str) -> Field {
    Field { name, need: Need::Required, takes, text }
}

pub(crate) const fn optional(name: &'static str, takes: &'static str, text: &'static str) -> Field {
    Field { name, need: Need::Optional, takes, text }
}

pub(crate) const fn default(name: &'static str, value: &'static str, takes: &'static str, text: &'static str) -> Field {
    Field { name, need: Need::Default(value), takes, text }
}

pub(crate) const SPAN: &str = "a length of time such as \"30s\"";
pub(crate) const CHANCE: &str = "a chance such as 0.001, \"0.1%\" or \"1/1000\"";
pub(crate) const DIST: &str = "a distribution: \"30ms\", or a table (see DISTRIBUTION)";

/// Every block of a scenario but the parameters of products, in the order in which `help schema` shows them.
pub fn schema() -> Vec<&'static Block> {
    let mut blocks = vec![&super::top::TOP, &super::top::RUN, &super::top::CHECK, &super::top::EXPLORE];
    blocks.extend(super::producer::BLOCKS);
    blocks.push(&super::queue::BLOCK);
    blocks.push(&super::store::BLOCK);
    blocks.extend(super::consumer::BLOCKS);
    blocks.extend([&super::fault::BLOCK, &super::link::BLOCK, &super::redrive::BLOCK, &super::variant::BLOCK]);
    blocks.extend(super::dist::BLOCKS);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_there_once_and_says_what_it_is() {
        for block in schema() {
            for (i, field) in block.fields.iter().enumerate() {
                assert!(!field.text.is_empty() && !field.takes.is_empty(), "{}.{}", block.path, field.name);
                assert!(
                    block.fields[..i].iter().all(|other| other.name != field.name),
                    "{}.{}",
                    block.path,
                    field.name
                );
            }
        }
    }
}
