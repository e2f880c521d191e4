"""Issues for the tests of the compile chain: `ENGLISH` with every kind of block, `KOREAN`, and `TWO_LANGUAGES`, in
which parts are in another language and all that may have a picture has one."""

import datetime as dt
from dataclasses import replace

from pipeline.content.types import (
    Article,
    Button,
    Citation,
    Divider,
    Facts,
    FileLink,
    Heading,
    IssueDocument,
    ItemList,
    ListStyle,
    NewsletterProfile,
    Notice,
    Paragraph,
    Picture,
    Quote,
    Section,
    Signature,
    Site,
    Sponsor,
    Teaser,
)

NONCE = "q7w3e9r1t5"
SITE = Site("https://news.example.org", "bounces.example.org", "example.org")
NEWSLETTER = NewsletterProfile(
    slug="smart-city",
    name="Smart City Bulletin",
    sender_name="Smart City Desk",
    sender_address="desk@example.org",
    reply_to="editors@example.org",
    postal_address="Smart City Desk\n12 Harbour Road\n04524 Seoul",
)
NEWSLETTER_KO = replace(NEWSLETTER, name="스마트시티 소식", sender_name="스마트시티 편집실", language="ko")
VALUES = {
    "to": '"Ann Lee" <ann@reader.example>',
    "date": "Tue, 31 Aug 2021 09:00:00 +0900",
    "message_id": "<m7.abc@example.org>",
    "token.unsubscribe": "abcdefghijklmnopqrstuvwxyz234567",
    "token.view": "viewtoken234567",
    "token.id": "idtoken234567",
    "first_name": "Ann",
    "email": "ann@reader.example",
}

ENGLISH = IssueDocument(
    newsletter="smart-city",
    number=20,
    date=dt.date(2021, 8, 31),
    language="en",
    title="Cities that listen: what data changes on the street",
    subject='{{ first_name | default("Reader") }}, the smart city in August',
    preheader="Ten regions build digital twins, drones carry pizza, and the World Smart City Expo opens in Ilsan.",
    sections=(
        Section(
            "World Smart City Expo 2021",
            (
                Article(
                    "Three days in Ilsan, on site and online",
                    (
                        Paragraph(
                            'Good morning, {{ first_name | default("reader") }}. The fifth expo runs from '
                            "<strong>8 to 10 September</strong> in hall 1 of KINTEX; every session is also on the "
                            '<a href="https://example.org/expo?day=1&amp;hall=1">expo site</a>.'
                        ),
                        Picture(
                            "expo.png",
                            'The hall at the "first" expo & its\u3000visitors',
                            video="https://video.example.org/watch?v=expo",
                            credit="MOLIT",
                            caption="Introduction to the fifth expo",
                        ),
                        Button("Register now", "https://example.org/register?who={{ email }}"),
                    ),
                ),
            ),
            (Paragraph("What to see, whom to hear and how to take part."),),
        ),
        Section(
            "Policy projects",
            (
                Article(
                    "Ten pilot projects take the first step towards a digital twin of the country",
                    (
                        Paragraph("Ten regions were chosen and share <strong>KRW 35 billion</strong> within a year."),
                        Heading("Infrastructure projects"),
                        ItemList(
                            ListStyle.CIRCLED,
                            (
                                "<strong>Incheon</strong>: a command platform for fire crews on site",
                                "<strong>Jeju</strong>: an open platform for impact assessment, for anybody to read",
                                "<strong>Jangseong</strong>: Yellow City smart growth",
                            ),
                        ),
                        Heading("How it goes on"),
                        ItemList(ListStyle.NUMBER, ("Models are built<br/>by the regions", "Services are joined")),
                        ItemList(ListStyle.BULLET, ("Fire & rescue".replace("&", "&amp;"), "Rivers", "Coastal roads")),
                        Quote("Data has to come down to the street where people live.", "The minister, in Sejong"),
                    ),
                    source="MOLIT",
                    date=dt.date(2021, 8, 11),
                    url="https://example.org/twins",
                ),
                Article(
                    "Pizza from the air",
                    (
                        Picture("https://pictures.example.org/drone.png", "A drone above a lake", credit="MOLIT"),
                        Paragraph("Since 21 August a drone has been carrying orders to Sejong Lake Park."),
                    ),
                    source="Sejong City, Daejeon City",
                    date=dt.date(2021, 8, 20),
                ),
            ),
        ),
        Section(
            "Notices",
            (
                Article(
                    "Busan Urban Tech House looks for start-ups",
                    (
                        Facts(
                            (
                                ("Period", "3 September (Fri) to 15 September 2021 (Wed), 17:00"),
                                ("Eligibility", "Small and medium-sized companies, ventures, universities"),
                                ("How to apply", 'By e-mail to <a href="mailto:apply@example.org">the office</a>'),
                            )
                        ),
                        Notice("The call now closes on <strong>20 September</strong>.", "Deadline moved"),
                        FileLink("Guide for applicants", "https://example.org/files/guide.pdf", size="1.2 MB"),
                        Citation(
                            "Yoon, C., Seo, E., Kim, T.: <em>Smart City Challenge: the Suwon case</em>. Information "
                            "Systems Research 30 (2), 2021, pp. 243–259"
                        ),
                    ),
                ),
                Article(
                    "Seen elsewhere",
                    (
                        Teaser(
                            "Rivers that report their own height",
                            "Sensors along the Taehwa tell it every minute.",
                            "https://example.org/rivers",
                            "https://pictures.example.org/river.png",
                            "A gauge in a river",
                        ),
                        Teaser("Open call for citizen juries", url="https://example.org/juries"),
                        Sponsor(
                            "Charging posts that pay for themselves.",
                            "Example Power & Light",
                            "https://power.example.org/",
                            lang="en-GB",
                        ),
                        Divider(),
                        Signature("Ann Lee<br/>For the desk", "https://pictures.example.org/ann.png", "Ann Lee"),
                    ),
                ),
            ),
        ),
    ),
)

KOREAN = replace(
    ENGLISH,
    language="ko",
    title="귀 기울이는 도시: 데이터가 거리에서 바꾸는 것들",
    subject='{{ first_name | default("독자") }}님, 8월의 스마트시티 소식을 전해 드립니다',
    preheader="열 개 지역이 디지털 트윈을 만들고, 드론이 피자를 나르며, 월드 스마트시티 엑스포가 일산에서 열립니다.",
    sections=(
        Section(
            "스마트시티 정책 사업",
            (
                Article(
                    "디지털 트윈 국토로 가는 첫걸음, 시범사업 열 곳 선정",
                    (
                        Paragraph(
                            "국토교통부와 한국국토정보공사는 올해 처음 추진하는 디지털 트윈국토 시범사업 대상지로 "
                            "<strong>모두 열 곳</strong>을 뽑았다고 밝혔다. 선정된 지역은 한 해 동안 지원을 받는다."
                        ),
                        Picture("expo.png", "엑스포 전시장", video="https://video.example.org/ko", credit="국토교통부"),
                        Heading("기반 구축 사업"),
                        ItemList(
                            ListStyle.CIRCLED,
                            (
                                "<strong>인천광역시</strong>: 디지털 트윈 기반 화재 대응 현장 지휘 통합 플랫폼 구축",
                                "<strong>제주특별자치도</strong>: 제주 환경영향평가 개방형 플랫폼 구축",
                            ),
                        ),
                        Facts(
                            (("모집 기간", "2021년 9월 3일(금)부터 9월 15일(수) 17시까지"), ("신청 방법", "전자우편"))
                        ),
                        Button("신청하기", "https://example.org/ko"),
                        Notice("모집 기간이 9월 20일까지로 늘었습니다.", "기간 연장"),
                        FileLink("신청 안내서", "https://example.org/files/안내.hwp", size="320 KB"),
                        Teaser(
                            "스스로 높이를 알리는 강",
                            "태화강을 따라 놓인 감지기가 1분마다 알립니다.",
                            "https://example.org/강",
                        ),
                        Divider(),
                        Paragraph("The English edition is on the same page.", lang="en"),
                        Signature("이하나<br/>편집실에서"),
                    ),
                    source="국토교통부",
                    date=dt.date(2021, 8, 11),
                    url="https://example.org/길?이름=값",
                ),
            ),
        ),
    ),
)

TWO_LANGUAGES = replace(
    ENGLISH,
    sections=(
        *ENGLISH.sections,
        Section(
            "From elsewhere",
            (
                Article(
                    "Two languages in one mail",
                    (
                        Teaser("Buses on call", "No timetable.", "https://example.org/bus", "bus.png", "A small bus"),
                        Teaser("Where the water goes", "Sensors in it.", src="water.png", alt="A river"),
                        Teaser("One that stands alone", url="https://example.org/alone"),
                        Sponsor("Lamp posts that see.", "ACME", "https://example.org/acme", "lamps.png", "At night"),
                        FileLink("신청서 양식", "https://example.org/form?id=3", "HWP", lang="ko"),
                        Paragraph("이 문단은 한국어입니다.", lang="ko"),
                    ),
                ),
                Article("한국어 기사", (Paragraph("기사 전체가 한국어입니다."),), lang="ko"),
            ),
        ),
    ),
)
