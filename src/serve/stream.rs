//! Server-sent events: messages as text, and the pump that asks a source for them until the
//! reader leaves or the server ends.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::site::{Message, Source};

/// How often a source is asked.
const PACE: Duration = Duration::from_millis(250);
/// A sign of life where nothing is new, so that a dead connection is noticed by both sides.
const BEAT: Duration = Duration::from_secs(15);
/// Bytes that may wait for a slow reader before the source is left alone.
pub(super) const WAITING: usize = 256 * 1024;
/// The first words: come back after a second when the connection is lost.
const HELLO: &str = "retry: 1000\n\n";
/// The last words of a source that is over.
const GOODBYE: &str = "event: over\ndata:\n\n";

/// A message as it travels.
pub(super) fn encode(message: &Message) -> String {
    let mut text = String::with_capacity(message.data.len() + 64);
    if let Some(id) = message.id.as_ref().filter(|id| !id.contains(['\n', '\r', '\0'])) {
        text.push_str(&format!("id: {id}\n"));
    }
    text.push_str(&format!("event: {}\n", message.event));
    // A carriage return alone would end the line as well.
    for line in message.data.replace("\r\n", "\n").replace('\r', "\n").split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

/// Carries a source's messages to its reader. The permit is given back at the end.
pub(super) async fn pump(
    source: Box<dyn Source>,
    mut to: DuplexStream,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
) {
    let leave = stop.clone();
    tokio::select! {
        () = leave.cancelled() => {}
        _ = carry(source, &mut to) => {}
    }
}

/// Ends with the reader, whose leaving shows as an error or as the end of what it sends.
async fn carry(mut source: Box<dyn Source>, to: &mut DuplexStream) -> std::io::Result<()> {
    to.write_all(HELLO.as_bytes()).await?;
    let mut last = Instant::now();
    loop {
        let asked = spawn_blocking(move || {
            let news = source.news();
            (news, source)
        });
        // A source that panicked has said so; its stream ends.
        let (news, back) = asked.await.map_err(std::io::Error::other)?;
        source = back;
        for message in &news {
            to.write_all(encode(message).as_bytes()).await?;
        }
        if source.is_over() {
            return to.write_all(GOODBYE.as_bytes()).await;
        }
        if !news.is_empty() {
            last = Instant::now();
        } else if last.elapsed() >= BEAT {
            to.write_all(b":\n\n").await?;
            last = Instant::now();
        }
        tokio::select! {
            () = sleep(PACE) => {}
            _ = to.read_u8() => return Ok(()),
        }
    }
}
