//! Drives a server with the official Rust SDK. It reads what it is given as JSON on stdin, and prints each step as a line
//! of JSON: {"step": …, "value": …}, or {"step": …, "error": …}.

use std::fmt::Display;

use resend_rs::events::EmailEventType;
use resend_rs::list_opts::ListOptions;
use resend_rs::types::{
    CreateApiKeyOptions, CreateAttachment, CreateDomainOptions, CreateEmailBaseOptions, CreateWebhookOptions,
    DomainChanges, DomainRecord, GetInboundEmailOptions, InboundEmail, Tag, UpdateApiKeyOptions, UpdateWebhookOptions,
    WebhookStatus,
};
use resend_rs::{ConfigBuilder, Error, Resend};
use serde_json::{Value, json};

fn step<E: Display>(name: &str, result: Result<Value, E>) -> Value {
    match result {
        Ok(value) => {
            println!("{}", json!({ "step": name, "value": value }));
            value
        }
        Err(error) => {
            println!("{}", json!({ "step": name, "error": error.to_string() }));
            Value::Null
        }
    }
}

fn main() {
    let given: Value = serde_json::from_reader(std::io::stdin()).expect("JSON on stdin");
    let text = |name: &str| given[name].as_str().expect("a string").to_owned();
    let url = text("url").parse().expect("a URL");
    let resend = Resend::with_config(ConfigBuilder::new(text("api_key")).base_url(url).build());
    emails(&resend);
    receiving(&resend, &text("received"));
    webhooks(&resend);
    domains(&resend);
    keys(&resend);
}

fn emails(resend: &Resend) {
    let octets: Vec<u8> = (0..=255).collect();
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    let email = || {
        CreateEmailBaseOptions::new("Ada <ada@kabutar.test>", ["in@kabutar.test"], "from Rust")
            .with_html(r#"<p>h</p><img src="cid:logo">"#)
            .with_text("t")
            .with_header("X-Entity-Ref-ID", "1")
            .with_tag(Tag::new("sdk", "rust"))
            .with_attachment(CreateAttachment::from_content(octets.clone()).with_filename("octets.bin"))
            .with_attachment(
                CreateAttachment::from_content(png.clone())
                    .with_filename("logo.png")
                    .with_content_type("image/png")
                    .with_content_id("logo"),
            )
            .with_idempotency_key("rust-1")
    };
    let send = || resend.emails.send(email()).map(|sent| json!(sent.id));
    let id = step("send", send());
    step("send again", send().map(|again| json!(again == id)));
    let id = id.as_str().unwrap_or_default();
    let get = resend.emails.get(id).map(|email| {
        json!({ "subject": email.subject, "to": email.to, "text": email.text.unwrap_or_default().trim() })
    });
    step("get", get);
    let list = resend.emails.list(ListOptions::default().with_limit(100));
    step("list", list.map(|list| json!(list.data.iter().any(|email| &*email.id == id))));
    step("missing", match resend.emails.get("01a22d9c-519e-75bb-8390-71f4dbea21c5") {
        Err(Error::Resend(error)) => Ok(json!({ "statusCode": error.status_code, "name": error.name })),
        other => Err(format!("{other:?}")),
    });
}

fn received(email: &InboundEmail) -> Value {
    json!({ "from": email.from, "to": email.to, "cc": email.cc, "bcc": email.bcc, "reply_to": email.reply_to,
        "subject": email.subject })
}

fn receiving(resend: &Resend, id: &str) {
    let list = resend.receiving.list(ListOptions::default().with_limit(100));
    step("receiving list", list.map(|list| json!(list.data.iter().find(|email| &*email.id == id).map(received))));
    let get = resend.receiving.get(id, GetInboundEmailOptions::default()).map(|email| {
        let mut value = received(&email);
        value["text"] = json!(email.text.unwrap_or_default().trim());
        value["x-one"] = json!(email.headers.get("x-one"));
        value
    });
    step("receiving get", get);
    let file = resend.receiving.list_attachments(id, ListOptions::default()).and_then(|files| {
        resend.receiving.get_attachment(&files.data[0].id, id).map(|one| json!({ "filename": one.filename }))
    });
    step("receiving attachments", file);
}

fn webhooks(resend: &Resend) {
    let events = [EmailEventType::EmailSent, EmailEventType::EmailDelivered, EmailEventType::EmailOpened];
    let made = resend.webhooks.create(CreateWebhookOptions::new("http://127.0.0.1:9/", events));
    let id = made.as_ref().map(|made| made.id.to_string()).unwrap_or_default();
    step("webhook create", made.map(|made| json!(made.signing_secret[..6])));
    let change =
        UpdateWebhookOptions::default().with_events([EmailEventType::EmailReceived]).with_status(WebhookStatus::Disabled);
    step("webhook update", resend.webhooks.update(&id, change).map(|_| json!("webhook")));
    let get = resend.webhooks.get(&id);
    step("webhook get", get.map(|one| json!({ "endpoint": one.endpoint, "status": one.status, "events": one.events })));
    let list = resend.webhooks.list(ListOptions::default());
    step("webhook list", list.map(|list| json!(list.data.iter().any(|one| *one.id == id))));
    step("webhook remove", resend.webhooks.delete(&id).map(|deleted| json!(deleted)));
}

fn domains(resend: &Resend) {
    let made = resend.domains.create(CreateDomainOptions::new("rust.example.com"));
    let id = made.as_ref().map(|domain| domain.id.to_string()).unwrap_or_default();
    step("domain create", made.map(|domain| {
        let records: Vec<_> = domain.records.unwrap_or_default().iter().map(kind).collect();
        json!({ "status": domain.status, "records": records })
    }));
    let change = DomainChanges::new().with_open_tracking(false);
    step("domain update", resend.domains.update(&id, change).map(|domain| json!(*domain.id == id)));
    step("domain get", resend.domains.get(&id).map(|domain| json!(domain.name)));
    let list = resend.domains.list(ListOptions::default());
    step("domain list", list.map(|list| json!(list.data.iter().any(|domain| *domain.id == id))));
    step("domain verify", resend.domains.verify(&id).map(|_| json!("domain")));
    step("domain remove", resend.domains.delete(&id).map(|gone| json!(gone.deleted)));
}

fn kind(record: &DomainRecord) -> &'static str {
    match record {
        DomainRecord::DomainSpfRecord(_) => "SPF",
        DomainRecord::DomainDkimRecord(_) => "DKIM",
        _ => "another",
    }
}

fn keys(resend: &Resend) {
    let made = resend.api_keys.create(CreateApiKeyOptions::new("of Rust").with_sending_access());
    let id = made.as_ref().map(|key| key.id.to_string()).unwrap_or_default();
    step("key create", made.map(|key| json!(key.token[..3])));
    step("key update", resend.api_keys.update(&id, UpdateApiKeyOptions::new("renamed")).map(|_| json!("api_key")));
    let list = resend.api_keys.list(ListOptions::default());
    step("key list", list.map(|list| json!(list.data.iter().any(|key| key.name == "renamed"))));
    step("key remove", resend.api_keys.delete(&id).map(|()| json!(true)));
}
