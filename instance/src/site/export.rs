//! `/my/export`: what somebody takes along.

use askama::Template;
use http::{HeaderMap, StatusCode};
use origin::Reply;
use sidecar::Fields;
use sidecar::export::{ExportLine, Stage};

use super::enter::parameter;
use super::settings::visitor;
use super::{PageError, Site, see_other};
use crate::form::Form;
use crate::visit::{Visit, size};
use crate::when;

#[derive(Template)]
#[template(path = "export.html")]
struct Export<'a> {
    visit: &'a Visit<'a>,
    form: Form,
    line: Option<Line>,
}

/// An export that was asked for.
struct Line {
    id: i64,
    stage: String,
    is_done: bool,
    path: String,
    size: String,
    until: String,
}

impl Site {
    pub(super) async fn show_export(&self, visit: &Visit<'_>) -> Result<Reply, PageError> {
        self.export(visit, StatusCode::OK, Form::default()).await
    }

    pub(super) async fn request_export(
        &self,
        visit: &Visit<'_>,
        mut fields: Fields,
    ) -> Result<Reply, PageError> {
        fields.tick(&["withVideoFiles"]);
        match self.sidecar.request_export(visitor(visit)?, fields.clone()).await {
            Ok(_) => Ok(see_other("/my/export")),
            Err(error) => {
                let form = Form::refused(visit.language, &fields, &error);
                self.export(visit, error.status(), form).await
            }
        }
    }

    pub(super) async fn delete_export(
        &self,
        visit: &Visit<'_>,
        id: i64,
    ) -> Result<Reply, PageError> {
        self.sidecar.delete_export(visitor(visit)?, id).await?;
        Ok(see_other("/my/export"))
    }

    /// The file itself, for its owner or whoever has an address that was made just now.
    pub(super) async fn fetch_export(
        &self,
        visit: &Visit<'_>,
        file: &str,
        query: &str,
        headers: &HeaderMap,
    ) -> Result<Reply, PageError> {
        let shown = parameter(query, "jwt");
        let visitor = visit.visitor.as_ref();
        let name = self.sidecar.exported_file(file, shown.as_deref(), visitor).await?;
        let downloads = self.downloads.clone();
        let headers = headers.clone();
        let opening = move || downloads.answer(&name, &headers, "shoal-export.zip");
        tokio::task::spawn_blocking(opening).await.map_err(|_| PageError::Stopped)
    }

    async fn export(
        &self,
        visit: &Visit<'_>,
        status: StatusCode,
        form: Form,
    ) -> Result<Reply, PageError> {
        let found = self.sidecar.my_export(visitor(visit)?).await?;
        let line = found.map(|found| line(visit, found));
        self.html(visit, status, &Export { visit, form, line })
    }
}

fn line(visit: &Visit<'_>, export: ExportLine) -> Line {
    let stage = match export.stage {
        Stage::Waiting => "export-waiting",
        Stage::Running => "export-running",
        Stage::Done => "export-done",
        Stage::Failed => "export-failed",
    };
    Line {
        id: export.id,
        stage: visit.say(stage),
        is_done: export.stage == Stage::Done,
        path: export.path,
        size: size(export.bytes),
        until: when::date(u64::try_from(export.expires_at).unwrap_or_default()),
    }
}
