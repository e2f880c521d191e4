"""What large providers and widespread servers say, in examples of our own after their documentation."""

import pytest

from pipeline.replies import classify

SAID = """
userunknown     550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking
userunknown     553-5.1.3 The recipient address <a b@x.test> is not a valid RFC 5321 address.
userunknown     550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient a@x.test not found by SMTP address lookup
userunknown     550 5.4.1 Recipient address rejected: Access denied. [MX1.PROD.test 2026-01-01T00:00:00Z]
userunknown     550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302).
userunknown     550 Requested action not taken: mailbox unavailable
rejected        550-Requested action not taken: mailbox unavailable 550 invalid DNS MX or A/AAAA resource record
userunknown     552 1 Requested mail action aborted, mailbox not found
userunknown     554 delivery error: dd This user doesn't have a yahoo.com account (a@x.test) [0] - mta1.test
userunknown     550 5.1.1 unknown or illegal alias: a@x.test
userunknown     550 5.1.1 User email address is marked as invalid
userunknown     550 Message was not accepted -- invalid mailbox. Local mailbox a@x.test is unavailable: user not found
userunknown     550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_416 [416]
userunknown     550 Mailbox not found. http://service.x.test/help
userunknown     550 5.7.1 No such user!
userunknown     550 5.1.1 Mailbox does not exist
userunknown     550 5.1.1 BAD_RECIPIENT
userunknown     5.1.0 - Unknown address error 550-'No such user here' (delivery attempts: 0)
userunknown     The recipient name is not recognized MSEXCH:IMS:X:Y:Z 0 (000C05A6) Unknown Recipient
userunknown     The e-mail account does not exist at the organization this message was sent to.
userunknown     550 RCPT TO:<a@x.test> User not exist
userunknown     550 Invalid recipient a@x.test (Mode: normal)
hostunknown     553 5.1.2 We weren't able to find the recipient domain. Please check for any spelling errors
hostunknown     550 5.4.310 DNS domain x.test does not exist [Message=InfoDomainNonexistent]
hostunknown     DNS lookup failure: host x.test not found
hostunknown     The mail could not be delivered because the domain is not reachable.
hasmoved        550 5.7.17 Mailbox owner has changed
suspend         550 5.2.1 The email account that you tried to reach is disabled.
suspend         550-5.2.1 The email account that you tried to reach is inactive.
suspend         554 dd This account has been disabled or discontinued [#102]. - mta1.test
suspend         550 5.1.1 Inactive mbox
suspend         550 5.2.1 This mailbox has been blocked due to inactivity
suspend         550 invalid mailbox. Local mailbox a@x.test is unavailable: account is disabled
mailboxfull     452-4.2.2 The email account that you tried to reach is over quota.
mailboxfull     452-4.2.2 The recipient's inbox is out of storage space.
mailboxfull     552 5.2.2 STOREDRV.Deliver; mailbox full. The recipient's mailbox is full
mailboxfull     552 Requested mail action aborted: exceeded storage allocation
mailboxfull     552 RCPT TO:<a@x.test> Mailbox disk quota exceeded
mailboxfull     452 4.2.2 Mailbox size limit exceeded 1760000000-abc
filtered        550 5.7.507 Access denied, rejected by recipient
filtered        550 You are registered as spammer (by user's reject list)
filtered        550 Mail is rejected by recipients
filtered        550 Envelope blocked - User Entry
blocked         421-4.7.0 IP not in whitelist for RCPT domain, closing connection.
blocked         550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus.
blocked         550 5.7.511 Access denied, banned sender[192.0.2.1]. To request removal from this list please forward
blocked         550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP.
blocked         553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list
blocked         553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed.
blocked         421 4.3.2 Your IP(192.0.2.1) is filtered and this connection will be closed. You must register your IP
blocked         554-x.test (mx01) Nemesis ESMTP Service not available 554 IP address is block listed.
blocked         554 5.7.1 Client host blocked by spam statistics
blocked         550 5.7.0 Blocked - see https://ipcheck.x.test/?ip=192.0.2.1
blocked         511 5.1.1 too many spams from your IP (192.0.2.1)
blocked         Connected to 192.0.2.1 but my name was rejected. Remote host said: 501 5.0.0 Invalid domain name
badreputation   421 4.7.0 [TSS04] Messages from 192.0.2.1 deferred due to unexpected volume or user complaints
badreputation   550-5.7.1 this message is likely suspicious due to the very low reputation of the sending IP address
badreputation   550 Local CT IP Reputation - (reject)
badreputation   550 csi.x.test Poor Reputation Sender.
requireptr      554-No SMTP service 554-Bad DNS PTR resource record.
requireptr      550 5.7.25 The sending IP address does not have a PTR record
authfailure     550-5.7.26 This mail has been blocked because the sender is unauthenticated.
authfailure     421-4.7.30 DKIM authentication did not pass
authfailure     550 5.7.515 Access denied, sending domain x.test doesn't meet the required authentication level.
authfailure     550 5.7.509 Access denied, sending domain x.test does not pass DMARC verification
authfailure     550 <a@x.test>: Reject due to SPF policy. The originating IP of the message is not permitted
authfailure     550 Rejected by header based Anti-Spoofing policy: a@x.test
failedstarttls  421 4.7.29 This mail has been rate limited because it was not sent over a TLS connection
failedstarttls  450 4.7.321 starttls-not-supported: Destination mail server must support TLS
speeding        421-4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP address
speeding        450 4.2.1 The user you are trying to contact is receiving mail too quickly.
speeding        550 5.4.5 Daily SMTP relay limit exceeded for customer
speeding        550 5.7.508 Access denied, 192.0.2.1 has exceeded permitted limits within IP range
speeding        550 5.7.705 Service unavailable. Access denied, tenant has exceeded threshold.
speeding        432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded
speeding        550 Domain frequency limited
speeding        550 Mailbox unavailable or access denied
speeding        421 Rate limit reached. Please try again later
speeding        450 4.5.3 Error: too many recipients
toomanyconn     421 Trop de connexions, verifiez. Too many connections, slow down. OFR004_104
toomanyconn     550 Exceeding outbound thread limit
spamdetected    550-5.7.1 Our system has detected that this message is likely unsolicited mail.
spamdetected    Your email to group a@x.test was rejected due to spam classification. Set up SPF records
spamdetected    554 5.7.1 [PH01] Message rejected under suspicion of SPAM
spamdetected    550 5.2.0 Mail rejete. Mail rejected. ofr_506 [506]
spamdetected    550 spam message rejected. Please visit http://help.x.test/notspam
spamdetected    550 Mail content denied. http://service.x.test
spamdetected    550 5.7.1 Message content rejected, UBE, id=12345-01
spamdetected    550 5.7.501 Access denied, spam abuse detected
virusdetected   553 Virus Signature Detected
policyviolation 554 5.7.9 Message not accepted for policy reasons.
policyviolation 550-5.7.1 The user or domain that you are sending to (or from) has a policy that prohibited the mail
policyviolation 550 5.7.1 [CS01] Message rejected due to local policy.
policyviolation 421 Reject due to policy violations
policyviolation 550 Message bounced due to Content Examination Policy
policyviolation 554 5.2.3 MailPolicy violation Error delivering to mailboxes
policyviolation 554 Mail from a@x.test rejected for policy reasons.
notcompliantrfc 550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant
rejected        550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
rejected        550 5.1.8 Access denied, bad outbound sender
rejected        550 5.5.0 Adresse emetteur invalide. Invalid Sender. OFR_405
rejected        550 5.4.1 All recipient addresses rejected : Access denied
norelaying      550 5.7.64 TenantAttribution; Relay Access Denied
norelaying      553 you are trying to use me [mx.test] as a relay, but I have not been configured to let you do this.
mesgtoobig      552 5.3.4 Your message exceeded Google's message size limits.
exceedlimit     550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
networkerror    554 5.4.14 Hop count exceeded - possible mail loop
networkerror    connect to mx.test[192.0.2.1]:25: No route to host, status 4.4.1
networkerror    550 5.4.312 Message expired, DNS query failed
expired         550 5.4.300 Message expired
expired         Could not deliver for the last 432000 seconds. Giving up.
expired         5.4.7 - Delivery expired (message too old)
systemerror     451 4.3.0 Mail server temporarily rejected message.
systemerror     451 Internal resources are temporarily unavailable
systemerror     421 4.3.0 Temporary System Problem. Try again later
systemerror     451 4.7.1 Greylisting in action, please come back later
securityerror   535 5.7.8 Username and Password not accepted
securityerror   550 5.7.1 RESOLVER.RST.AuthRequired; authentication required
onhold          554 5.5.0 Remote protocol error
onhold          554 <a@x.test>... Service unavailable
"""
COMMON = """
userunknown     550 5.1.1 <a@x.test>: Recipient address rejected: User unknown in relay recipient table
userunknown     <a@x.test>: unknown user: "a"
userunknown     Sorry, no mailbox here by that name. (#5.1.1)
userunknown     This address no longer accepts mail.
userunknown     553 sorry, your envelope recipient has been denied / no such mailbox
userunknown     550 5.1.1 <a@x.test>... User unknown
userunknown     550 unknown local-part "a" in domain "x.test"
userunknown     user a: unknown
userunknown     550 a@x.test: user not found in virtual alias table
userunknown     550 Recipient Rejected: No account by that name here
userunknown     550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550
userunknown     550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found
userunknown     The email address you entered couldn't be found. Please check the recipient's email address
userunknown     550 5.1.1 Recipient not found. <https://x.test>
userunknown     User a (a@x.test) not listed in Domino Directory
userunknown     Not delivered because the recipient's address was unknown: Mailbox unknown or not accepting mail.
userunknown     550 sorry, no valid recipients: user unknown
userunknown     550 not our user
userunknown     550 5.1.1 The user does not exist (Alias not found)
userunknown     550 5.7.1 Recipient unknown
userunknown     550 5.1.1 We do not have a user by that name
userunknown     550 Invalid mailbox
userunknown     550 Benutzer unbekannt
userunknown     550 El usuario no existe
userunknown     550 5.1.1 Destinatario desconocido
userunknown     550 L'utente non esiste
userunknown     550 Destinataire inconnu
hostunknown     Sorry, I couldn't find any host named x.test. (#5.1.2)
hostunknown     Host or domain name not found. Name service error for name=x.test type=A: Host not found
hostunknown     550 5.1.2 <a@x.test>... Host unknown (Name server: x.test.: host not found)
hostunknown     all relevant MX records point to non-existent hosts
notaccept       an MX or SRV record indicated no SMTP service: unrouteable mail domain "x.test"
hostunknown     DNS Error: DNS type 'mx' lookup of x.test responded with code NXDOMAIN Domain name not found: x.test
hostunknown     Invalid domain name: no MX or A records
hostunknown     Domain x.test has no MX or A record
notaccept       Domain x.test does not accept mail (nullMX)
notaccept       556 5.1.10 Domain does not accept mail
notaccept       The recipient's domain x.test has a null MX
mailboxfull     552 5.2.2 <a@x.test>: user is over quota
mailboxfull     maildir delivery failed: quota exceeded
mailboxfull     can't create user output file. Disc quota exceeded
mailboxfull     The user's mailbox is full. Message returned to sender
mailboxfull     550 5.2.2 <a@x.test>: Recipient address rejected: Mailbox full
mailboxfull     mailbox is full: retry timeout exceeded
mailboxfull     The recipient's inbox is full and can't accept messages now
mailboxfull     Requested mail action aborted: exceeded storage
mailboxfull     552 Mailbox limit exceeded for this email address
mailboxfull     Quota exceeded (mailbox for user is full)
mailboxfull     user has exhausted allowed storage space
mailboxfull     receiver's mailbox is full
mailboxfull     Il destinatario ha la casella piena
suspend         550 Account disabled
suspend         550 5.2.1 Mailbox unavailable: account suspended
suspend         550 account is not active
suspend         The account has been suspended for abuse
suspend         550 5.2.1 <a@x.test>... Mailbox disabled for this recipient
suspend         550 User suspended
suspend         550 user is locked
suspend         554 This user account has been deactivated
suspend         550 mailbox temporarily disabled
suspend         550 Das Konto ist gesperrt
filtered        550 5.7.1 Your message was rejected by the recipient's mail filter
filtered        554 rejected by user's filter
filtered        550 The recipient does not accept mails from 'x.test' over foreign networks
rejected        550 5.1.7 Invalid return path
rejected        553 5.1.8 <a@x.test>... Domain of sender address a@x.test does not exist
rejected        550 Sender verify failed
rejected        550 5.1.0 <a@x.test> sender rejected
rejected        You do not have permission to send to this distribution list
rejected        554 5.7.1 You are not allowed to connect
rejected        550 5.7.60 SMTP; Client does not have permissions to send as this sender
rejected        Sender is not in the list of allowed senders
norelaying      550 5.7.1 Relaying denied. Proper authentication required.
norelaying      550 relay not permitted
norelaying      Unable to relay for a@x.test
norelaying      553 sorry, that domain isn't allowed to be relayed thru this MTA
norelaying      550 not local host x.test, not a gateway
expired         retry timeout exceeded
expired         Message could not be delivered for 5 days. Message will be deleted from queue
expired         all hosts for 'x.test' have been failing for a long time (and retry time not reached)
expired         host mx.x.test[192.0.2.1] said: 450 delivery temporarily suspended: connect to mx: Connection timed out
expired         Your message was not delivered within 4 days
expired         The message was undeliverable: delivery attempts have failed repeatedly; 4.4.7 expired
expired         Not delivered: envelope expired
networkerror    Sorry, I wasn't able to establish an SMTP connection. (#4.4.1)
networkerror    conversation with mx.test lost: connection reset by peer
networkerror    mail for x.test loops back to myself
networkerror    5.4.6 Too many hops 26 (25 max)
networkerror    unable to connect to mx.x.test
networkerror    DNS Error: 4.4.0 DNS type 'mx' lookup of x.test responded with code SERVFAIL
networkerror    The recipient server did not accept our connection: Connection refused
speeding        450 too frequent connects from 192.0.2.1, please try again later
speeding        451 4.7.1 You have sent too many messages in the last hour
speeding        452 4.3.1 Message rate exceeds limit
toomanyconn     421 4.7.0 Try again later, rate of connections exceeded
toomanyconn     421 Too many concurrent connections from your IP
blocked         554 5.7.1 Rejected: your IP is listed in our block list
blocked         550 5.7.1 Email rejected because 192.0.2.1 is listed by bl.example.test
blocked         521 5.2.1 : (CON:B1) https://postmaster.x.test
blocked         550 Your IP is blocked for sending spam
blocked         554 your ip (192.0.2.1) has been blocked
blocked         550 5.7.1 Mail from 192.0.2.1 refused - see rbl
blocked         554 5.7.1 Access denied: IP denied
blocked         550 helo name is invalid
requireptr      450 4.7.25 Client host rejected: cannot find your hostname
requireptr      550 5.7.1 reverse DNS lookup failed for your host
badreputation   554 Your access to this mail system has been rejected due to the sending MTA's poor reputation.
authfailure     550 5.7.23 The message was rejected because of SPF violation: fail
authfailure     550 5.7.1 SPF MAIL FROM check failed
authfailure     550 5.7.1 SPF unauthorized mail is prohibited.
authfailure     550 5.7.0 Message rejected per DMARC policy
authfailure     550 DKIM signature required
spamdetected    550 High probability of spam
spamdetected    554 Transaction failed: spam score too high
spamdetected    550 Message scored 15.2 points
spamdetected    550 5.7.1 message contains a URL listed in a blacklist
spamdetected    554 5.7.1 This email looks like UCE
spamdetected    550 5.7.1 rejected by content filter
virusdetected   554 5.7.1 VIRUS Eicar FOUND
virusdetected   554 message contains malware
policyviolation 550 5.7.1 Message rejected by policy
contenterror    The attachment type .exe is not allowed
contenterror    550 5.6.1 Body type not supported by Remote Host
contenterror    554 5.6.0 Corrupt message content
notcompliantrfc 550 5.7.1 Messages missing a valid address in From: header, or having no From: header, are not accepted.
notcompliantrfc 550 Messages should have one or no Date headers, not 2
exceedlimit     552 5.2.3 Data size exceeds maximum permitted: message too big
mesgtoobig      552 5.3.4 Message too big for system
mesgtoobig      550 5.7.1 message size 12345 exceeds size limit 1000 of server
mesgtoobig      Message exceeded max. size
systemfull      452 4.3.1 Insufficient system storage
systemerror     451 4.3.0 Other or undefined mail system status
systemerror     450 4.2.0 <a@x.test>: Recipient address rejected: Greylisted, see http://x.test
systemerror     450 4.1.1 unverified address: Address verification in progress
systemerror     451 4.3.5 Server configuration problem
systemerror     554 5.3.5 Local configuration error
systemerror     454 4.7.0 Temporary authentication failure
mailererror     Command died with status 1: "/usr/bin/procmail"
mailererror     local delivery failed: child exited with 75
mailererror     pipe to |/usr/bin/vacation generated by a@x.test
syntaxerror     555 5.5.2 Syntax error, goodbye
syntaxerror     503 5.5.1 Bad sequence of commands
syntaxerror     501 5.5.4 Invalid argument
securityerror   550 5.7.1 authentication required
"""
LANGUAGES = """
userunknown     550 Empfänger existiert nicht
userunknown     550 Usuário inexistente
userunknown     550 Użytkownik nie istnieje
userunknown     550 Пользователь не существует
userunknown     550 Такого пользователя нет
userunknown     550 Недействительный адрес получателя
userunknown     550 该用户不存在
userunknown     550 该收件人帐户不存在
userunknown     550 无此用户
userunknown     550 5.1.1 받는 사람의 메일 주소를 찾을 수 없습니다
userunknown     550 없는 사용자입니다
userunknown     550 수신자의 메일계정이 존재하지 않습니다
userunknown     宛先アドレスが見つかりませんでした
userunknown     あて先のユーザが見つかりません
mailboxfull     La casilla está llena
mailboxfull     A caixa de correio está cheia
mailboxfull     Почтовый ящик переполнен
mailboxfull     받는 사람의 메일함 용량이 초과되었습니다
mailboxfull     받는 사람의 메일함이 가득 차
mailboxfull     受信者のメールボックスがいっぱい
mailboxfull     收件人邮箱空间已满
mailboxfull     收件人郵箱容量不足
mailboxfull     Skrzynka odbiorcy jest przepełniona
suspend         550 계정이 정지되었습니다
suspend         550 휴면상태의 메일 계정
filtered        수신자가 수신거부한 메일
"""
EXAMPLES = [tuple(line.split(maxsplit=1)) for line in (SAID + COMMON + LANGUAGES).splitlines() if line]


@pytest.mark.parametrize(("word", "text"), EXAMPLES)
def test_a_documented_reply_means(word, text):
    found = classify(text)
    assert found.reason_sisimai == word, found
