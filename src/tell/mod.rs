//! Telling: results into words and pictures. It reads reports and changes nothing.

pub mod plot;
