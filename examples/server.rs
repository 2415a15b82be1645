//! A server that runs a guest for each request: `curl 'http://127.0.0.1:3000/loudness?text=HELLO'`.
//!
//! Each request has an instance of its own, with fuel and memory of its own. Guests take turns on the server's threads: one
//! that would run for ever delays nobody, and ends when its fuel does.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Router, serve};
use causality_vm::{CallError, Config, Engine, Exit, Linker, Module, Options, Ptr};
use serde::Deserialize;
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The program, compiled once, and what it may call.
#[derive(Clone)]
struct Plugin {
    module: Module,
    linker: Linker<()>,
}

impl Plugin {
    fn new() -> Result<Self, Failure> {
        let engine = Engine::new(Config::new().fuel(10_000_000).memory(16 << 20));
        let module = Module::from_file(&engine, "examples/plugin.elf")?;
        Ok(Plugin { module, linker: Linker::new(&engine) })
    }

    /// What the plugin says of a text.
    async fn loudness(&self, text: &str) -> Result<u32, Failure> {
        let mut guest = self.linker.instantiate(&self.module, Options::new(), ())?;
        let exit = guest.run_async().await?;
        if exit != Exit::Completed(0) {
            return Err(CallError::Stopped(exit).into());
        }
        let Ptr(buffer) = guest.call_async("text_buffer", ()).await?;
        let room: u32 = guest.call_async("text_size", ()).await?;
        let text = text.as_bytes().get(..room as usize).unwrap_or(text.as_bytes());
        guest.memory_mut().slice_mut(buffer, text.len() as u64)?.copy_from_slice(text);
        Ok(guest.call_async("loudness", text.len() as u32).await?)
    }
}

#[derive(Deserialize)]
struct Question {
    text: String,
}

async fn loudness(
    State(plugin): State<Plugin>,
    Query(question): Query<Question>,
) -> Result<String, (StatusCode, String)> {
    let answer = plugin.loudness(&question.text).await;
    answer
        .map(|percent| format!("{percent}\n"))
        .map_err(|failure| (StatusCode::INTERNAL_SERVER_ERROR, failure.to_string()))
}

/// What the server does.
pub fn app() -> Result<Router, Failure> {
    Ok(Router::new().route("/loudness", get(loudness)).with_state(Plugin::new()?))
}

/// The example.
#[tokio::main]
pub async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}/loudness?text=HELLO", listener.local_addr()?);
    Ok(serve(listener, app()?).await?)
}
