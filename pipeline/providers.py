"""Providers of relays who tell by webhook what became of a mail: what each is called, signs, and gives back. Pure.

All but what stands here is django-anymail's knowledge: how an event is read, and how most signatures are checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Check(Enum):
    """Who says that a request comes from the provider."""

    ANYMAIL = "the view of django-anymail, with the secret"
    SNS = "Amazon's signature, which django-anymail leaves unread, and the list of topics"
    STANDARD = "Standard Webhooks, with the secret"
    ADDRESS = "nobody but whoever knows the address: the provider signs nothing"


@dataclass(frozen=True, slots=True)
class Provider:
    title: str
    view: str
    """Below `anymail.webhooks`: the module and its class."""
    check: Check
    hosts: tuple[str, ...] = ()
    """The ends of the names of its relays for SMTP."""
    id_header: str = ""
    """The field that takes our signed id along (`%s`), where the provider gives no header of ours back by itself."""
    id_at: tuple[str, ...] = ()
    """Where in an event the signed id comes back, if not in what django-anymail calls its metadata: paths, as in
    `feedback.webhooks.paths`."""
    message_id_at: tuple[str, ...] = ()
    """Where our own Message-ID does, if the provider lets it stand."""
    key: str = ""
    """The argument of the view that takes what requests are signed with."""
    key_title: str = ""
    """What the provider calls it on its pages."""
    where: str = ""
    """Where the address is pasted, on the provider's pages."""
    switch_on: str = ""
    """The events to choose there, in the provider's words."""
    content_type: str = "application/json"
    form_field: str = ""
    """Of a form, the field that holds the JSON."""
    batch: tuple[str | int, ...] | None = None
    """Where the list of events is, if several come at once: nowhere further for the whole body."""
    batch_wrap: tuple[str, str] | None = None
    """In the list an event stands below this name, beside that event_name."""
    words_at: tuple[str, ...] = ()
    """Where the words of the recipient's server are, beside the place that django-anymail knows."""
    status_at: str = ""
    """Where the enhanced status code is, if not in the words."""
    handshake: tuple[str, ...] = ()
    """Methods by which it asks whether somebody is there, when it is told the address."""


_ID: Final = '{"pressrun-id": "%s"}'

PROVIDERS: Final[Mapping[str, Provider]] = {
    "amazon-ses": Provider(
        "Amazon SES",
        "amazon_ses.AmazonSESTrackingWebhookView",
        Check.SNS,
        hosts=("amazonaws.com",),
        id_at=("mail.headers.@X-Pressrun-Id",),
        words_at=("deliveryDelay.delayedRecipients.diagnosticCode",),
        where="Amazon SNS → Topics → Create subscription (HTTPS), raw message delivery off; the topic is that of the "
        "configuration set, or of the identity's notifications with original headers",
        switch_on="Bounces, Complaints, Delivery delays, Rejects",
        content_type="text/plain",
    ),
    "brevo": Provider(
        "Brevo",
        "brevo.BrevoTrackingWebhookView",
        Check.ADDRESS,
        hosts=("brevo.com", "sendinblue.com"),
        id_header=f"X-Mailin-custom: {_ID}",
        where="Transactional → Settings → Webhook",
        switch_on="Hard bounce, Soft bounce, Blocked, Invalid email, Deferred, Complaint, Unsubscribed, Error",
    ),
    "mailersend": Provider(
        "MailerSend",
        "mailersend.MailerSendTrackingWebhookView",
        Check.ANYMAIL,
        hosts=("mailersend.net",),
        id_at=("data.email.headers.@X-Pressrun-Id", "data.email.message.headers.@X-Pressrun-Id"),
        message_id_at=("data.email.message.message_id",),
        key="signing_secret",
        key_title="Signing secret",
        where="Domains → Manage → Webhooks",
        switch_on="activity.hard_bounced, activity.soft_bounced, activity.spam_complaint, activity.unsubscribed",
        words_at=("data.morph.reason",),
    ),
    "mailgun": Provider(
        "Mailgun",
        "mailgun.MailgunTrackingWebhookView",
        Check.ANYMAIL,
        hosts=("mailgun.org",),
        id_header=f"X-Mailgun-Variables: {_ID}",
        id_at=("event-data.user-variables.pressrun-id",),
        message_id_at=("event-data.message.headers.message-id",),
        key="webhook_signing_key",
        key_title="HTTP webhook signing key",
        where="Sending → Webhooks",
        switch_on="Permanent Failure, Temporary Failure, Spam Complaints, Unsubscribes",
        words_at=("event-data.delivery-status.description",),
        status_at="event-data.delivery-status.enhanced-code",
    ),
    "mailjet": Provider(
        "Mailjet",
        "mailjet.MailjetTrackingWebhookView",
        Check.ADDRESS,
        hosts=("mailjet.com",),
        id_header="X-MJ-CustomID: %s",
        id_at=("CustomID",),
        where="Account settings → Event notifications (webhooks)",
        switch_on="Bounce, Blocked, Spam, Unsub",
        batch=(),
        words_at=("comment",),
    ),
    "mailtrap": Provider(
        "Mailtrap",
        "mailtrap.MailtrapTrackingWebhookView",
        Check.ANYMAIL,
        hosts=("mailtrap.io",),
        id_header=f"X-MT-Custom-Variables: {_ID}",
        id_at=("custom_variables.pressrun-id",),
        key="tracking_secret",
        key_title="Webhook signature secret",
        where="Sending settings → Webhooks, as JSON",
        switch_on="Bounce, Soft bounce, Spam complaint, Unsubscribe, Suspension, Reject",
        batch=("events",),
    ),
    "mandrill": Provider(
        "Mandrill",
        "mandrill.MandrillCombinedWebhookView",
        Check.ANYMAIL,
        hosts=("mandrillapp.com",),
        id_header=f"X-MC-Metadata: {_ID}",
        id_at=("msg.metadata.pressrun-id",),
        key="webhook_key",
        key_title="Webhook key",
        where="Settings → Webhooks",
        switch_on="hard_bounce, soft_bounce, deferral, spam, unsub, reject",
        content_type="application/x-www-form-urlencoded",
        form_field="mandrill_events",
        batch=(),
        words_at=("msg.diag", "msg.bounce_description"),
        handshake=("HEAD",),
    ),
    "postal": Provider(
        "Postal",
        "postal.PostalTrackingWebhookView",
        Check.ANYMAIL,
        message_id_at=("payload.message.message_id", "payload.original_message.message_id"),
        key="webhook_key",
        key_title="Public key, from `postal default-dkim-record`, the text after p=",
        where="Webhooks",
        switch_on="MessageDeliveryFailed, MessageDelayed, MessageBounced, MessageHeld",
    ),
    "postmark": Provider(
        "Postmark",
        "postmark.PostmarkTrackingWebhookView",
        Check.ADDRESS,
        hosts=("postmarkapp.com",),
        id_header="X-PM-Metadata-pressrun-id: %s",
        id_at=("Metadata.pressrun-id",),
        where="Server → Message Stream → Webhooks",
        switch_on="Bounce, Spam Complaint, Subscription Change",
    ),
    "resend": Provider(
        "Resend",
        "resend.ResendTrackingWebhookView",
        Check.STANDARD,
        hosts=("resend.com",),
        id_at=("data.headers.@X-Pressrun-Id",),
        key="signing_secret",
        key_title="Signing secret (whsec_…)",
        where="Webhooks",
        switch_on="email.bounced, email.complained, email.delivery_delayed, email.failed, email.suppressed",
        words_at=("data.bounce.diagnosticCode",),
    ),
    "sendgrid": Provider(
        "SendGrid",
        "sendgrid.SendGridTrackingWebhookView",
        Check.ANYMAIL,
        hosts=("sendgrid.net",),
        id_header='X-SMTPAPI: {"unique_args": ' + _ID + "}",
        id_at=("pressrun-id",),
        message_id_at=("smtp-id",),
        key="tracking_webhook_verification_key",
        key_title="Verification key of the signed event webhook",
        where="Settings → Mail settings → Event webhooks, with signature verification",
        switch_on="Bounced, Dropped, Deferred, Spam reports, Unsubscribes, Group unsubscribes",
        batch=(),
        status_at="status",
    ),
    "sparkpost": Provider(
        "SparkPost",
        "sparkpost.SparkPostTrackingWebhookView",
        Check.ADDRESS,
        hosts=("sparkpostmail.com",),
        id_header='X-MSYS-API: {"metadata": ' + _ID + "}",
        id_at=("msys.*.rcpt_meta.pressrun-id",),
        where="Configuration → Webhooks",
        switch_on="Bounce, Out of band, Delay, Policy rejection, Generation failure, Spam complaint, List unsubscribe, "
        "Link unsubscribe",
        batch=(),
    ),
    "unisender-go": Provider(
        "Unisender Go",
        "unisender_go.UnisenderGoTrackingWebhookView",
        Check.ANYMAIL,
        hosts=("unisender.ru", "unisender.com"),
        id_header='X-UNISENDER-GO: {"global_metadata": ' + _ID + "}",
        id_at=("metadata.pressrun-id",),
        key="api_key",
        key_title="API key of the account or project",
        where="Settings → Webhooks",
        switch_on="hard_bounced, soft_bounced, spam, unsubscribed",
        batch=("events_by_user", 0, "events"),
        batch_wrap=("event_data", "transactional_email_status"),
        handshake=("GET",),
    ),
}
