//! Causality VM
