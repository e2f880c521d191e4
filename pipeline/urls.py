"""Every address of this installation. Below /admin/ nothing is reached without the staff guard."""

from django.urls import include, path, re_path
from django.views.generic import RedirectView
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.utils.urlpatterns import decorate_urlpatterns

from pipeline.public import click, health, hooks, read, site, unsubscribe, view
from pipeline.staff import images
from pipeline.staff.headers import staff, style

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="wagtailadmin_home"), name="home"),
    path("livez", health.live, name="live"),
    path("healthz", health.healthy, name="health"),
    path("metrics", health.metrics, name="metrics"),
    path("u/", unsubscribe.explain, name="unsubscribe-how"),
    path("u/undo", unsubscribe.undo, name="undo"),
    path("u/<str:token>", unsubscribe.unsubscribe, name="unsubscribe"),
    path("v/web-<int:pk>", read.here, name="read-here"),
    path("v/<str:token>", view.view_issue, name="view"),
    path("read/<slug:newsletter>/<int:number>/<slug:language>", read.read, name="read"),
    re_path(r"^c/(?P<key>[^/]+)(?:/(?P<token>[\s\S]*))?\Z", click.follow, name="click"),
    path("hooks/feedback/<slug:name>/<str:token>", hooks.feedback, name="feedback-hook"),
    re_path(r"^media/pictures/(?P<name>[0-9a-f]{32}\.(?:png|jpg|gif))$", site.picture, name="picture"),
    path("media/<path:path>", images.file, name="library-file"),
    # Wagtail's templates ask for its addresses of documents, but what is uploaded there could be a page with scripts.
    path("admin/documents/", images.no_documents),
    path("admin/documents/<path:rest>", images.no_documents),
    path("admin/style.css", style, name="staff-style"),
    path("admin/", include(decorate_urlpatterns(wagtailadmin_urls.urlpatterns, staff))),
]
