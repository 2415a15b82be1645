//! What a token may look like, and what it says.
//!
//! Signatures have been verified when this is asked. Still the authors of blocks are holders, who are
//! not trusted with the host's time: a check that joins many predicates, or an expression that loops
//! over sets in sets, takes as long as its author likes. None of that is accepted. What is left takes
//! less than a million small steps, so no clock is needed.

use std::collections::BTreeMap;

use biscuit_auth::datalog::SymbolTable;
use biscuit_auth::format::schema;
use biscuit_auth::{AuthorizerBuilder, Biscuit};

use super::block::BlockFacts;
use crate::{CapabilityError, Phase, Phases, Principal, Right, Rights, Target};

/// Most bytes of a token.
pub(super) const MAX_BYTES: usize = 16 << 10;
/// Most blocks.
const MAX_BLOCKS: usize = 16;
const MAX_FACTS: usize = 32;
const MAX_CHECKS: usize = 8;
const MAX_QUERIES: usize = 2;
const MAX_PREDICATES: usize = 2;
const MAX_EXPRESSIONS: usize = 4;
const MAX_OPERATIONS: usize = 32;

fn refused<T>(why: impl Into<String>) -> Result<T, CapabilityError> {
    Err(CapabilityError::Shape(why.into()))
}

fn at_most(what: &str, count: usize, most: usize) -> Result<(), CapabilityError> {
    if count > most { refused(format!("{count} {what}, of which {most} are allowed")) } else { Ok(()) }
}

/// The facts of each block, if the token has the shape that is allowed.
pub(super) fn blocks(token: &Biscuit) -> Result<Vec<BlockFacts>, CapabilityError> {
    at_most("blocks", token.block_count(), MAX_BLOCKS)?;
    refuse_malleable(token)?;
    let malformed = |error: String| CapabilityError::Malformed(error);
    let world = AuthorizerBuilder::new().build(token).map_err(|error| malformed(error.to_string()))?;
    let world = world.snapshot().map_err(|error| malformed(error.to_string()))?.world;
    let symbols = SymbolTable::from(world.symbols).map_err(|error| malformed(error.to_string()))?;
    world.blocks.iter().try_for_each(allowed)?;
    let mut facts = facts_by_block(&world.generated_facts)?;
    let mut blocks = Vec::with_capacity(world.blocks.len());
    for (index, block) in world.blocks.iter().enumerate() {
        let facts = facts.remove(&(index as u32)).unwrap_or_default();
        at_most("facts", facts.len(), MAX_FACTS)?;
        let mut read = read_facts(&facts, &symbols, index == 0)?;
        read.signer = block.external_key.as_ref().map(principal).transpose()?;
        blocks.push(read);
    }
    Ok(blocks)
}

/// Revocation identifiers are signatures. One of Ed25519 cannot be changed and stay valid, one of
/// ECDSA can: it would get around its revocation.
fn refuse_malleable(token: &Biscuit) -> Result<(), CapabilityError> {
    let ed25519 = schema::public_key::Algorithm::Ed25519 as i32;
    let token = token.container().to_proto();
    let signed = core::iter::once(&token.authority).chain(&token.blocks);
    let mut keys = signed.flat_map(|block| {
        let external = block.external_signature.as_ref().map(|signature| &signature.public_key);
        core::iter::once(&block.next_key).chain(external)
    });
    if keys.any(|key| key.algorithm != ed25519) { refused("a key that is not Ed25519") } else { Ok(()) }
}

fn principal(key: &schema::PublicKey) -> Result<Principal, CapabilityError> {
    let bytes = key.key.as_slice().try_into();
    bytes.map(Principal::from_bytes).map_err(|_| CapabilityError::Malformed("a key's length".to_owned()))
}

fn allowed(block: &schema::SnapshotBlock) -> Result<(), CapabilityError> {
    if !block.rules.is_empty() {
        return refused("rules");
    }
    if !block.scope.is_empty() {
        return refused("a block with scopes");
    }
    at_most("checks", block.checks.len(), MAX_CHECKS)?;
    for check in &block.checks {
        at_most("queries in a check", check.queries.len(), MAX_QUERIES)?;
        check.queries.iter().try_for_each(allowed_query)?;
    }
    Ok(())
}

fn allowed_query(query: &schema::Rule) -> Result<(), CapabilityError> {
    if !query.scope.is_empty() {
        return refused("a check with scopes");
    }
    at_most("predicates in a query", query.body.len(), MAX_PREDICATES)?;
    at_most("expressions in a query", query.expressions.len(), MAX_EXPRESSIONS)?;
    for expression in &query.expressions {
        at_most("operations in an expression", expression.ops.len(), MAX_OPERATIONS)?;
        if !expression.ops.iter().all(allowed_operation) {
            return refused("an operation that is not comparison, membership or logic");
        }
    }
    Ok(())
}

/// Operations that take constant time for a token of limited size: no closures, patterns, growth.
fn allowed_operation(operation: &schema::Op) -> bool {
    use schema::op::Content;
    use schema::{op_binary, op_unary};
    match &operation.content {
        Some(Content::Value(_)) => true,
        Some(Content::Unary(unary)) => {
            unary.kind == op_unary::Kind::Negate as i32 || unary.kind == op_unary::Kind::Parens as i32
        }
        Some(Content::Binary(binary)) => {
            use op_binary::Kind;
            let kinds = [
                Kind::LessThan,
                Kind::GreaterThan,
                Kind::LessOrEqual,
                Kind::GreaterOrEqual,
                Kind::Equal,
                Kind::NotEqual,
                Kind::HeterogeneousEqual,
                Kind::HeterogeneousNotEqual,
                Kind::Contains,
                Kind::And,
                Kind::Or,
            ];
            kinds.iter().any(|kind| *kind as i32 == binary.kind)
        }
        Some(Content::Closure(_)) | None => false,
    }
}

fn facts_by_block(
    facts: &[schema::GeneratedFacts],
) -> Result<BTreeMap<u32, Vec<&schema::Predicate>>, CapabilityError> {
    let mut by_block: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for group in facts {
        let [schema::Origin { content: Some(schema::origin::Content::Origin(block)) }] = group.origins[..]
        else {
            return refused("a fact that is not one block's");
        };
        by_block.entry(block).or_default().extend(group.facts.iter().map(|fact| &fact.predicate));
    }
    Ok(by_block)
}

/// A term of a fact. Others than text and integers say nothing here.
enum Value<'a> {
    Text(&'a str),
    Number(u64),
}

fn value<'a>(term: &schema::Term, symbols: &'a SymbolTable) -> Option<Value<'a>> {
    match term.content {
        Some(schema::term::Content::String(symbol)) => symbols.get_symbol(symbol).map(Value::Text),
        Some(schema::term::Content::Integer(number)) => u64::try_from(number).ok().map(Value::Number),
        _ => None,
    }
}

fn read_facts(
    facts: &[&schema::Predicate],
    symbols: &SymbolTable,
    is_first: bool,
) -> Result<BlockFacts, CapabilityError> {
    let mut block = BlockFacts::default();
    for fact in facts {
        let name = symbols.get_symbol(fact.name).unwrap_or_default();
        let terms: Option<Vec<_>> = fact.terms.iter().map(|term| value(term, symbols)).collect();
        let known = terms.and_then(|terms| read_fact(&mut block, name, &terms, is_first));
        if known.is_none() {
            return refused(format!("a fact `{name}` that means nothing here, or the same twice"));
        }
    }
    Ok(block)
}

fn read_fact(block: &mut BlockFacts, name: &str, terms: &[Value<'_>], is_first: bool) -> Option<()> {
    match (name, terms) {
        ("holder", [Value::Text(holder)]) => set_once(&mut block.holder, holder.parse().ok()?),
        ("grants", [Value::Text(right)]) if is_first => add_right(block, right),
        ("keeps", [Value::Text(right)]) if !is_first => add_right(block, right),
        ("covers", [Value::Text(kind), Value::Text(value)]) => {
            block.targets.push(Target::from_parts(kind, value)?);
            // More than one would be a union for a first block, and an intersection for others.
            (block.targets.len() == 1).then_some(())
        }
        ("during", [Value::Text(phase)]) => {
            let phase = Phase::ALL.into_iter().find(|known| known.name() == *phase)?;
            block.phases = Some(block.phases.unwrap_or_else(|| Phases::from_iter([])).with(phase));
            Some(())
        }
        ("valid_from", [Value::Number(epoch)]) => set_once(&mut block.valid_from, *epoch),
        ("expires_at", [Value::Number(epoch)]) => set_once(&mut block.expires_at, *epoch),
        ("max_uses", [Value::Number(uses)]) => set_once(&mut block.max_uses, *uses),
        ("max_quantity", [Value::Number(quantity)]) => set_once(&mut block.max_quantity, *quantity),
        _ => None,
    }
}

fn add_right(block: &mut BlockFacts, name: &str) -> Option<()> {
    if name == "none" {
        block.rights = Some(Rights::NONE);
        return Some(());
    }
    let right = Right::ALL.into_iter().find(|right| right.name() == name)?;
    block.rights = Some(block.rights.unwrap_or(Rights::NONE).with(right));
    Some(())
}

fn set_once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}
