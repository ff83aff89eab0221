// Drives a server with the official Go SDK. It reads what it is given as JSON on stdin, and prints each step as a line of
// JSON: {"step": …, "value": …}, or {"step": …, "error": …}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/resend/resend-go/v3"
)

type given struct {
	APIKey   string   `json:"api_key"`
	URL      string   `json:"url"`
	Received string   `json:"received"`
	Events   []string `json:"events"`
	Delivery struct {
		Payload string `json:"payload"`
		Secret  string `json:"secret"`
		Headers struct {
			Id, Timestamp, Signature string
		} `json:"headers"`
	} `json:"delivery"`
}

type fields map[string]any

func step[T any](name string, run func() (T, error)) T {
	value, err := run()
	said := fields{"step": name, "value": value}
	if err != nil {
		said = fields{"step": name, "error": err.Error()}
	}
	line, _ := json.Marshal(said)
	fmt.Println(string(line))
	return value
}

func main() {
	var given given
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	client := resend.NewClient(given.APIKey)
	client.BaseURL, _ = url.Parse(given.URL)
	emails(client)
	receiving(client, given)
	webhooks(client, given)
	domains(client)
	keys(client)
}

func emails(client *resend.Client) {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	email := &resend.SendEmailRequest{
		From:    "Ada <ada@kabutar.test>",
		To:      []string{"in@kabutar.test"},
		Subject: "from Go",
		Html:    `<p>h</p><img src="cid:logo">`,
		Text:    "t",
		Headers: map[string]string{"X-Entity-Ref-ID": "1"},
		Tags:    []resend.Tag{{Name: "sdk", Value: "go"}},
		Attachments: []*resend.Attachment{
			{Filename: "octets.bin", Content: octets},
			{Filename: "logo.png", Content: []byte("\x89PNG\r\n\x1a\n"), ContentType: "image/png", InlineContentId: "logo"},
		},
	}
	send := func() (string, error) {
		options := &resend.SendEmailOptions{IdempotencyKey: "go-1"}
		sent, err := client.Emails.SendWithOptions(context.Background(), email, options)
		if err != nil {
			return "", err
		}
		return sent.Id, nil
	}
	id := step("send", send)
	step("send again", func() (bool, error) { again, err := send(); return again == id, err })
	step("get", func() (fields, error) {
		email, err := client.Emails.Get(id)
		if err != nil {
			return nil, err
		}
		return fields{"subject": email.Subject, "to": email.To, "text": strings.TrimSpace(email.Text)}, nil
	})
	step("list", func() (bool, error) {
		list, err := client.Emails.List()
		for _, email := range list.Data {
			if email.Id == id {
				return true, err
			}
		}
		return false, err
	})
	step("missing", func() (string, error) {
		_, err := client.Emails.Get("01a22d9c-519e-75bb-8390-71f4dbea21c5")
		return fmt.Sprint(err), nil
	})
}

func receiving(client *resend.Client, given given) {
	step("receiving list", func() (fields, error) {
		list, err := client.Emails.Receiving.List()
		for _, email := range list.Data {
			if email.Id == given.Received {
				return fields{"from": email.From, "to": email.To, "cc": email.Cc, "bcc": email.Bcc,
					"reply_to": email.ReplyTo, "subject": email.Subject}, err
			}
		}
		return nil, err
	})
	step("receiving get", func() (fields, error) {
		email, err := client.Emails.Receiving.Get(given.Received)
		if err != nil {
			return nil, err
		}
		return fields{"from": email.From, "to": email.To, "cc": email.Cc, "bcc": email.Bcc, "reply_to": email.ReplyTo,
			"subject": email.Subject, "text": strings.TrimSpace(email.Text), "x-one": email.Headers["x-one"]}, nil
	})
	step("receiving attachments", func() (fields, error) {
		files, err := client.Emails.Receiving.ListAttachments(given.Received)
		if err != nil {
			return nil, err
		}
		one, err := client.Emails.Receiving.GetAttachment(given.Received, files.Data[0].Id)
		if err != nil {
			return nil, err
		}
		answer, err := http.Get(one.DownloadUrl)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		content, err := io.ReadAll(answer.Body)
		return fields{"filename": one.Filename, "content": string(content)}, err
	})
}

func webhooks(client *resend.Client, given given) {
	id := ""
	step("webhook create", func() (string, error) {
		made, err := client.Webhooks.Create(&resend.CreateWebhookRequest{Endpoint: "http://127.0.0.1:9/", Events: given.Events})
		if err != nil {
			return "", err
		}
		id = made.Id
		return made.SigningSecret[:6], nil
	})
	step("webhook update", func() (string, error) {
		status := "disabled"
		update := &resend.UpdateWebhookRequest{Events: []string{resend.EventEmailReceived}, Status: &status}
		changed, err := client.Webhooks.Update(id, update)
		if err != nil {
			return "", err
		}
		return changed.Object, nil
	})
	step("webhook get", func() (fields, error) {
		one, err := client.Webhooks.Get(id)
		if err != nil {
			return nil, err
		}
		return fields{"endpoint": one.Endpoint, "status": one.Status, "events": one.Events}, nil
	})
	step("webhook list", func() (bool, error) {
		list, err := client.Webhooks.List()
		if err != nil {
			return false, err
		}
		for _, one := range list.Data {
			if one.Id == id {
				return true, nil
			}
		}
		return false, nil
	})
	step("webhook remove", func() (bool, error) {
		gone, err := client.Webhooks.Remove(id)
		if err != nil {
			return false, err
		}
		return gone.Deleted, nil
	})
	var event struct{ Type string }
	verify := func(payload string) (string, error) {
		headers := resend.WebhookHeaders(given.Delivery.Headers)
		options := &resend.VerifyWebhookOptions{Payload: payload, Headers: headers, WebhookSecret: given.Delivery.Secret}
		if client.Webhooks.Verify(options) != nil {
			return "refused", nil
		}
		return event.Type, json.Unmarshal([]byte(payload), &event)
	}
	step("webhook verify", func() (string, error) {
		_, err := verify(given.Delivery.Payload)
		return event.Type, err
	})
	step("webhook verify, changed", func() (string, error) { return verify(given.Delivery.Payload + " ") })
}

func domains(client *resend.Client) {
	id := ""
	step("domain create", func() (fields, error) {
		domain, err := client.Domains.Create(&resend.CreateDomainRequest{Name: "go.example.com"})
		id = domain.Id
		records := []string{}
		for _, record := range domain.Records {
			records = append(records, record.Record)
		}
		return fields{"status": domain.Status, "records": records}, err
	})
	step("domain update", func() (bool, error) {
		domain, err := client.Domains.Update(id, &resend.UpdateDomainRequest{Tls: resend.Opportunistic})
		return domain.Id == id, err
	})
	step("domain get", func() (string, error) { domain, err := client.Domains.Get(id); return domain.Name, err })
	step("domain list", func() (bool, error) {
		list, err := client.Domains.List()
		for _, domain := range list.Data {
			if domain.Id == id {
				return true, err
			}
		}
		return false, err
	})
	step("domain verify", func() (bool, error) { return client.Domains.Verify(id) })
	step("domain remove", func() (bool, error) { return client.Domains.Remove(id) })
}

func keys(client *resend.Client) {
	id := ""
	step("key create", func() (string, error) {
		key, err := client.ApiKeys.Create(&resend.CreateApiKeyRequest{Name: "of Go", Permission: "sending_access"})
		if err != nil {
			return "", err
		}
		id = key.Id
		return key.Token[:3], nil
	})
	step("key list", func() (bool, error) {
		list, err := client.ApiKeys.List()
		for _, key := range list.Data {
			if key.Name == "of Go" {
				return true, err
			}
		}
		return false, err
	})
	step("key remove", func() (bool, error) { return client.ApiKeys.Remove(id) })
}
