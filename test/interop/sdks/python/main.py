"""Drives a server with the official Python SDK. It reads what it is given as JSON on stdin, and prints each step as a
line of JSON: {"step": …, "value": …}, or {"step": …, "error": …}."""

import json
import sys
import urllib.request

import resend

given = json.load(sys.stdin)
resend.api_key = given["api_key"]
resend.api_url = given["url"]
OCTETS = list(range(256))


def step(name, run):
    try:
        value = run()
        print(json.dumps({"step": name, "value": value}), flush=True)
        return value
    except Exception as error:  # the next step may still work
        print(json.dumps({"step": name, "error": f"{type(error).__name__}: {error}"}), flush=True)


EMAIL = {
    "from": "Ada <ada@kabutar.test>",
    "to": ["in@kabutar.test"],
    "subject": "from Python",
    "html": '<p>h</p><img src="cid:logo">',
    "text": "t",
    "headers": {"X-Entity-Ref-ID": "1"},
    "tags": [{"name": "sdk", "value": "python"}],
    "attachments": [
        {"filename": "octets.bin", "content": OCTETS},
        {"filename": "logo.png", "content": "iVBORw0KGgo=", "content_type": "image/png", "inline_content_id": "logo"},
    ],
}


def send():
    return resend.Emails.send(EMAIL, {"idempotency_key": "python-1"})["id"]


email_id = step("send", send)
step("send again", lambda: send() == email_id)


def get():
    email = resend.Emails.get(email_id)
    return {"subject": email["subject"], "to": email["to"], "text": email["text"].strip()}


step("get", get)
step("list", lambda: email_id in [email["id"] for email in resend.Emails.list({"limit": 100})["data"]])


def refusal(run):
    try:
        run()
    except resend.exceptions.ResendError as error:
        return {"statusCode": int(error.code), "name": error.error_type}


step("missing", lambda: refusal(lambda: resend.Emails.get("01a22d9c-519e-75bb-8390-71f4dbea21c5")))

receiving = resend.Emails.Receiving


def received(email):
    return {name: email[name] for name in ("from", "to", "cc", "bcc", "reply_to", "subject")}


def listed():
    return next(received(email) for email in receiving.list({"limit": 100})["data"] if email["id"] == given["received"])


step("receiving list", listed)


def read():
    email = receiving.get(given["received"])
    return {**received(email), "text": email["text"].strip(), "x-one": email["headers"]["x-one"]}


step("receiving get", read)


def download():
    files = receiving.Attachments.list(given["received"])["data"]
    one = receiving.Attachments.get(given["received"], files[0]["id"])
    with urllib.request.urlopen(one["download_url"]) as answer:
        return {"filename": one["filename"], "content": answer.read().decode()}


step("receiving attachments", download)

hook = {}


def create_webhook():
    hook.update(resend.Webhooks.create({"endpoint": "http://127.0.0.1:9/", "events": given["events"]}))
    return hook["signing_secret"][:6]


step("webhook create", create_webhook)
step(
    "webhook update",
    lambda: resend.Webhooks.update(
        {"webhook_id": hook["id"], "events": ["email.received"], "status": "disabled"}
    )["object"],
)
step("webhook get", lambda: {name: resend.Webhooks.get(hook["id"])[name] for name in ("endpoint", "status", "events")})
step("webhook list", lambda: hook["id"] in [one["id"] for one in resend.Webhooks.list()["data"]])
step("webhook remove", lambda: resend.Webhooks.remove(hook["id"])["deleted"])


def verify(payload):
    delivery = given["delivery"]
    try:
        options = {"payload": payload, "headers": delivery["headers"], "webhook_secret": delivery["secret"]}
        return resend.Webhooks.verify(options)["type"]
    except ValueError:
        return "refused"


step("webhook verify", lambda: verify(given["delivery"]["payload"]))
step("webhook verify, changed", lambda: verify(given["delivery"]["payload"] + " "))

domain = {}


def create_domain():
    domain.update(resend.Domains.create({"name": "python.example.com"}))
    return {"status": domain["status"], "records": [record["record"] for record in domain["records"]]}


step("domain create", create_domain)
step("domain update", lambda: resend.Domains.update({"id": domain["id"], "tls": "opportunistic"})["id"] == domain["id"])
step("domain get", lambda: resend.Domains.get(domain["id"])["name"])
step("domain list", lambda: "python.example.com" in [one["name"] for one in resend.Domains.list()["data"]])
step("domain verify", lambda: resend.Domains.verify(domain["id"])["object"])
step("domain remove", lambda: resend.Domains.remove(domain["id"])["deleted"])

key = {}


def create_key():
    key.update(resend.ApiKeys.create({"name": "of Python", "permission": "sending_access"}))
    return key["token"][:3]


step("key create", create_key)
step("key update", lambda: resend.ApiKeys.update({"id": key["id"], "name": "renamed"})["object"])
step("key list", lambda: "renamed" in [one["name"] for one in resend.ApiKeys.list()["data"]])
step("key remove", lambda: resend.ApiKeys.remove(key["id"]).get("deleted"))
