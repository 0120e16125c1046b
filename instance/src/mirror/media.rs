//! The bytes of a rendition: fetched from where they end, compared segment by segment, and called by their name when all segments are
//! right. What is before the first is kept as it came.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use http::header::{self, HeaderValue};
use http::{HeaderMap, StatusCode};
use origin::signing::digest;
use sidecar::outbound::{Answer, OutboundError};

use super::folder::{Folder, part};
use super::proof::Rendition;
use super::{Copy, MirrorError};

impl Copy {
    /// Brings the media of a rendition, unless it is there: it got its name when it was proved.
    pub(super) async fn bring_media(&mut self, rendition: &Rendition) -> Result<(), MirrorError> {
        if self.folder.length(&rendition.media) == rendition.bytes() {
            return Ok(());
        }
        let mut growing = Growing::open(&self.folder, rendition)?;
        self.bar.set_message(rendition.media.clone());
        self.bar.set_length(rendition.bytes());
        if growing.end < rendition.bytes() {
            let answer = self.ask_for(rendition, &mut growing).await?;
            self.receive(answer, rendition, &mut growing).await?;
        }
        growing.settle()?;
        self.folder.finish(&rendition.media)
    }

    /// Asks for what isn't there; who answers with all of it has it begin anew.
    async fn ask_for(
        &mut self,
        rendition: &Rendition,
        growing: &mut Growing<'_>,
    ) -> Result<Answer, MirrorError> {
        let (from, whole) = (growing.end, rendition.bytes());
        let mut headers = HeaderMap::new();
        if from > 0 {
            let range = HeaderValue::try_from(format!("bytes={from}-{}", whole - 1));
            headers.extend(range.ok().map(|range| (header::RANGE, range)));
        }
        let url = self.beside(&rendition.media)?;
        let answer = self.source.ask(&url, headers, whole).await?;
        match answer.status {
            StatusCode::OK => growing.cut(0)?,
            StatusCode::PARTIAL_CONTENT => {
                let range = answer.headers.get(header::CONTENT_RANGE);
                let range = range.and_then(|range| range.to_str().ok());
                if range != Some(&*format!("bytes {from}-{}/{whole}", whole - 1)) {
                    let reason = "is not as long as its playlist says";
                    return Err(MirrorError::strange(&rendition.media, reason));
                }
            }
            status => return Err(MirrorError::Answer(url, status)),
        }
        Ok(answer)
    }

    async fn receive(
        &mut self,
        mut answer: Answer,
        rendition: &Rendition,
        growing: &mut Growing<'_>,
    ) -> Result<(), MirrorError> {
        loop {
            match answer.next_chunk().await {
                Ok(Some(piece)) => {
                    self.fetched += piece.len() as u64;
                    growing.append(&piece)?;
                    self.bar.set_position(growing.end);
                }
                Ok(None) if growing.end == rendition.bytes() => return Ok(()),
                Ok(None) => return Err(MirrorError::BrokeOff(rendition.media.clone())),
                Err(OutboundError::Broken(host, error)) => {
                    tracing::debug!("{host} broke off: {error}");
                    return Err(MirrorError::BrokeOff(rendition.media.clone()));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A file that holds a rendition's media from its beginning: all of it was compared, but for what is after the last whole segment.
struct Growing<'a> {
    path: PathBuf,
    rendition: &'a Rendition,
    file: File,
    /// Bytes that are there.
    end: u64,
    /// Segments that were compared.
    proved: usize,
}

impl<'a> Growing<'a> {
    /// What an earlier run left is compared again: somebody may have changed it.
    fn open(folder: &Folder, rendition: &'a Rendition) -> Result<Growing<'a>, MirrorError> {
        let name = part(&rendition.media);
        let path = folder.path.join(&name);
        let file = folder.writable(&name)?;
        let end = file.metadata().map_err(|error| MirrorError::Disk(path.clone(), error))?.len();
        let mut growing = Growing { path, rendition, file, end, proved: 0 };
        growing.cut(end.min(rendition.bytes()))?;
        match growing.prove() {
            Ok(()) | Err(MirrorError::Wrong { .. }) => Ok(growing),
            Err(error) => Err(error),
        }
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), MirrorError> {
        if piece.len() as u64 > self.rendition.bytes().saturating_sub(self.end) {
            let reason = "is longer than its playlist says";
            return Err(MirrorError::strange(&self.rendition.media, reason));
        }
        let written =
            self.file.seek(SeekFrom::Start(self.end)).and_then(|_| self.file.write_all(piece));
        written.map_err(|error| self.failed(error))?;
        self.end += piece.len() as u64;
        self.prove()
    }

    /// Compares the segments that are whole by now; what is from a wrong one on is thrown away.
    fn prove(&mut self) -> Result<(), MirrorError> {
        let rendition = self.rendition;
        while let Some(segment) = rendition.segments.get(self.proved) {
            let (start, length) = (segment.range.start, segment.range.length);
            if start + length > self.end {
                break;
            }
            let found = self
                .file
                .seek(SeekFrom::Start(start))
                .and_then(|_| digest(&mut self.file, length, |_| Ok(())));
            if !segment.is(&found.map_err(|error| self.failed(error))?) {
                self.cut(start)?;
                let (file, segment) = (rendition.media.clone(), self.proved + 1);
                return Err(MirrorError::Wrong { file, segment });
            }
            self.proved += 1;
        }
        Ok(())
    }

    fn cut(&mut self, end: u64) -> Result<(), MirrorError> {
        self.file.set_len(end).map_err(|error| self.failed(error))?;
        self.end = end;
        let is_there = |no: &usize| {
            let range = self.rendition.segments[*no].range;
            range.start + range.length <= end
        };
        self.proved = (0..self.proved).take_while(is_there).count();
        Ok(())
    }

    /// Waits until the disk has it.
    fn settle(&self) -> Result<(), MirrorError> {
        self.file.sync_all().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> MirrorError {
        MirrorError::Disk(self.path.clone(), error)
    }
}
