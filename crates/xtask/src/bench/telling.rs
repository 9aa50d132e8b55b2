//! What measurements that come to one report have in common: on which disk they are made, and how they are told.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use serde::Serialize;

use super::report::Out;
use super::{BenchError, machine};

/// Options about it.
#[derive(Debug, ClapArgs)]
pub(super) struct Telling {
    /// On which disk it is measured [default: target/bench]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Write the tables to this file too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A measurement that has begun: what it is told to is there already.
pub(super) struct Begun {
    /// Where its files go.
    pub(super) data: PathBuf,
    /// On what it is made, in a line.
    pub(super) machine: String,
    json: bool,
    out: Out,
}

impl Telling {
    /// Makes what is needed before anything is measured.
    pub(super) fn begin(&self) -> Result<Begun, BenchError> {
        let data = super::data_directory(self.data.as_deref())?;
        let out = Out::new(self.out.as_deref())?;
        let machine = machine::describe(&data, super::allow_descriptors()?);
        Ok(Begun { data, machine, json: self.json, out })
    }
}

impl Begun {
    /// Tells what came of it: the report as JSON, or as its tables.
    pub(super) fn tell(mut self, report: &impl Serialize, tables: &str) -> Result<(), BenchError> {
        if !self.json {
            return self.out.say(tables);
        }
        let json = serde_json::to_string(report)
            .map_err(|why| BenchError::Io("print the report".into(), std::io::Error::other(why)))?;
        self.out.say(&json)
    }
}
