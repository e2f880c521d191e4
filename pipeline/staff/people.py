"""People: subscribers with their story, lists, and suppressions, which a named person may lift for a reason."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import URLPattern, path
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_http_methods
from wagtail.admin import messages
from wagtail.admin.panels import FieldPanel, ObjectList
from wagtail.admin.ui.tables import BooleanColumn, Column, DateColumn, NumberColumn, TitleColumn
from wagtail.admin.views import generic
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet

from pipeline.models import Newsletter
from pipeline.queries.books import who
from pipeline.staff.deleting import DeleteView
from pipeline.staff.reading import ReadingViewSet
from pipeline.staff.sends import actor, require
from pipeline.staff.story import counted, mails
from pipeline.transitions import rulings
from subscribers import queries, transitions
from subscribers.models import ConsentRecord, List, Subscriber, Subscription, SubscriptionState, Suppression

HAPPENED: Final[Mapping[str, Promise]] = {
    ConsentRecord.Kind.IMPORTED: gettext_lazy("imported"),
    ConsentRecord.Kind.SIGNED_UP: gettext_lazy("signed up"),
    ConsentRecord.Kind.CONFIRMED: gettext_lazy("confirmed"),
    ConsentRecord.Kind.WITHDRAWN: gettext_lazy("withdrew"),
    ConsentRecord.Kind.RETURNED: gettext_lazy("came back"),
    "suppressed": gettext_lazy("suppressed"),
    "lifted": gettext_lazy("suppression lifted"),
    "left": gettext_lazy("left"),
    "undone": gettext_lazy("took leaving back"),
}


class SubscriberDetail(generic.InspectView):
    """One person: what they are on, what they said yes to, what they got and why."""

    template_name = "staff/subscriber.html"
    page_title = gettext_lazy("Story")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person: Subscriber = self.object
        got = who(person.address_key) if self.request.user.has_perm("pipeline.view_delivery") else []
        return {
            **super().get_context_data(**kwargs),
            "person": person,
            "subscriptions": Subscription.objects.filter(subscriber=person).select_related("list").order_by("list"),
            "suppressions": [(row, scope_label(row.scope)) for row in queries.active_suppressions(person.address_key)],
            "history": [(event, _what(event.what), scope_label(event.where)) for event in queries.history(person)],
            "mails": list(mails(got)),
            "counted": list(counted(person.address_key)) if got else [],
            "may_see_mail": self.request.user.has_perm("pipeline.view_feedback"),
        }


class SubscriberViewSet(ReadingViewSet):
    model = Subscriber
    name = "subscribers"
    icon = "user"
    menu_label = gettext_lazy("Subscribers")
    inspect_view_class = SubscriberDetail
    list_display: ClassVar = [
        TitleColumn("email", label=gettext_lazy("Address"), url_name="subscribers:inspect", sort_key="address_key"),
        Column("first_name", label=gettext_lazy("First name")),
        Column("last_name", label=gettext_lazy("Last name")),
        Column("language", label=gettext_lazy("Language")),
        DateColumn("created_at", label=gettext_lazy("Known since")),
    ]
    search_fields: ClassVar = ["address_key", "first_name", "last_name"]
    search_backend_name = None
    list_filter: ClassVar = ["language"]


class ListIndex(generic.IndexView):
    def get_base_queryset(self) -> QuerySet[List]:
        on = Count("subscriptions", filter=Q(subscriptions__state=SubscriptionState.SUBSCRIBED))
        return List.objects.annotate(on=on)


class ListViewSet(ModelViewSet):
    model = List
    name = "lists"
    icon = "group"
    menu_label = gettext_lazy("Lists")
    copy_view_enabled = False
    inspect_view_enabled = True
    index_view_class = ListIndex
    delete_view_class = DeleteView
    list_display: ClassVar = [
        "name",
        "slug",
        NumberColumn("on", label=gettext_lazy("Subscribed"), sort_key="on"),
        "visibility",
        "opt_in",
    ]
    search_fields: ClassVar = ["name", "slug"]
    search_backend_name = None
    edit_handler = ObjectList([FieldPanel(name) for name in ("name", "slug", "description", "visibility", "opt_in")])


class SuppressionIndex(generic.IndexView):
    default_ordering = "-id"

    def get_base_queryset(self) -> QuerySet[Suppression]:
        return Suppression.objects.filter(lifts=None).select_related("lifted_by")


class SuppressionDetail(generic.InspectView):
    template_name = "staff/suppression.html"
    page_title = gettext_lazy("Suppression")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lifted = Suppression.objects.filter(lifts=self.object).first()
        may_lift = self.request.user.has_perm("subscribers.add_suppression")
        liftable = may_lift and lifted is None and self.object.lifts_id is None
        return {
            **super().get_context_data(**kwargs),
            "suppression": self.object,
            "scope": scope_label(self.object.scope),
            "lifted": lifted,
            "form": LiftForm() if liftable else None,
        }


class LiftForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Why may this address get mail again?"),
        help_text=gettext_lazy("For example: the person asked for it, when and how. It is kept with your name."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2_000,
    )


class SuppressionViewSet(ReadingViewSet):
    model = Suppression
    name = "suppressions"
    icon = "no-view"
    menu_label = gettext_lazy("Suppressions")
    index_view_class = SuppressionIndex
    inspect_view_class = SuppressionDetail
    list_display: ClassVar = [
        TitleColumn("address_key", label=gettext_lazy("Address"), url_name="suppressions:inspect"),
        Column("get_reason_display", label=gettext_lazy("Reason")),
        Column("scope", label=gettext_lazy("Gets nothing of"), accessor=lambda row: scope_label(row.scope)),
        BooleanColumn("is_lifted", label=gettext_lazy("Lifted"), accessor=lambda row: hasattr(row, "lifted_by")),
        Column("by", label=gettext_lazy("By")),
        DateColumn("created_at", label=gettext_lazy("Since")),
    ]
    search_fields: ClassVar = ["address_key"]
    search_backend_name = None
    list_filter: ClassVar = ["reason"]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [*super().get_urlpatterns(), path("<int:pk>/lift/", lift, name="lift")]


@require_http_methods(["POST"])
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    """End a suppression: by a named person, with a reason, as a new row."""
    require(request, "subscribers.add_suppression")
    suppression = get_object_or_404(Suppression, pk=pk)
    form = LiftForm(request.POST)
    if not form.is_valid():
        context = {"suppression": suppression, "scope": scope_label(suppression.scope), "form": form}
        return render(request, "staff/suppression.html", context, status=400)
    try:
        rulings.lift(suppression, actor(request), form.cleaned_data["why"])
    except transitions.TransitionRefusedError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, gettext("The suppression is lifted. What ended with it stays ended."))
        if others := queries.active_suppressions(suppression.address_key).count():
            words = gettext("%(n)s other suppressions of this address hold on; lift those too if they are wrong.")
            messages.warning(request, words % {"n": others})
    return redirect("suppressions:inspect", pk)


def scope_label(scope: str) -> str:
    """What someone is suppressed for, in words; a list's short name stays as it is."""
    if scope == "all":
        return gettext("everything")
    kind, _, pk = scope.partition(":")
    if kind != "newsletter" or not pk.isdecimal():
        return scope
    return Newsletter.objects.filter(pk=int(pk)).values_list("name", flat=True).first() or scope


def _what(happened: str) -> str | Promise:
    """One of the words of `queries.history`, for people."""
    before, _, state = happened.partition("is ")
    if not before and state in SubscriptionState.values:
        return SubscriptionState(state).label
    return HAPPENED.get(happened, happened)


class PeopleGroup(ViewSetGroup):
    menu_label = gettext_lazy("People")
    menu_icon = "group"
    menu_order = 130
    items = (SubscriberViewSet, ListViewSet, SuppressionViewSet)
