//! The guests and how many rounds each is to do.

use crate::error::Error;

/// One row of `guests.tsv`.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) name: &'static str,
    /// Of the guest's own loop.
    pub(crate) rounds: u32,
    /// Whether `native` has vector instructions made from the guest's own source.
    pub(crate) is_vectorised: bool,
    /// Whether it computes with floating-point numbers.
    pub(crate) has_floats: bool,
}

/// The guests named, or all; `scale` multiplies their rounds.
pub(crate) fn chosen(only: &[String], scale: f64) -> Result<Vec<Guest>, Error> {
    let rows = include_str!("../guests.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut guests = rows.map(|row| parse(row, scale)).collect::<Result<Vec<_>, _>>()?;
    if let Some(unknown) = only.iter().find(|name| guests.iter().all(|guest| guest.name != **name)) {
        return Err(Error::Guest(unknown.clone()));
    }
    guests.retain(|guest| only.is_empty() || only.iter().any(|name| name == guest.name));
    Ok(guests)
}

fn parse(row: &'static str, scale: f64) -> Result<Guest, Error> {
    let bad = || Error::Row(row.to_owned());
    let fields: Vec<&str> = row.split('\t').collect();
    let [name, rounds, vectors, floats] = fields.try_into().map_err(|_| bad())?;
    let rounds: u32 = rounds.parse().map_err(|_| bad())?;
    // With one round alone there would be no steady state.
    let rounds = (f64::from(rounds) * scale).max(2.0) as u32;
    Ok(Guest { name, rounds, is_vectorised: vectors != "-", has_floats: floats != "-" })
}
