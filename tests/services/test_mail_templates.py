"""Templates of a workspace: checked when saved, chosen by language, shown before use."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from crmkit.core.values.email import Email
from crmkit.core.values.money import Money
from crmkit.errors import ConfigError, NotFoundError, RejectedError
from crmkit.services.mail_templates import choose_language, preview, save_template
from crmkit.services.settings import MailSettings, Settings
from crmkit.services.workspace import Workspace
from tests.mailing import make, make_leads, make_templates, stored


def configured(workspace: Workspace, mail: MailSettings) -> Workspace:
    return attrs.evolve(workspace, settings=Settings(mail=mail))


class TestSaving:
    def test_a_template_is_made_once_and_then_changed(self, workspace: Workspace) -> None:
        first = save_template(workspace, "thank_you", "fr", "Merci", "Bonjour {{ lead.first_name }}").value
        second = save_template(workspace, "thank_you", "fr", "Merci !", "Bonjour", html="<p>Bonjour</p>").value

        assert (second.id, second.version) == (first.id, 2)
        assert (second.subject, second.text, second.html) == ("Merci !", "Bonjour", "<p>Bonjour</p>")
        assert len(stored(workspace, "template")) == 1

    def test_each_language_has_its_own(self, workspace: Workspace) -> None:
        save_template(workspace, "thank_you", "fr", "Merci", "Bonjour")
        save_template(workspace, "thank_you", "en", "Thanks", "Hello")

        assert [t.label for t in stored(workspace, "template")] == ["thank_you (fr)", "thank_you (en)"]

    def test_all_problems_come_together_and_nothing_is_stored(self, workspace: Workspace) -> None:
        with pytest.raises(RejectedError) as caught:
            save_template(workspace, "Thank you", "french", " ", "{{ lead.frist_name }}", html="{% if %}")

        assert len(caught.value.reasons) == 5
        assert "text, line 1: unknown variable 'lead.frist_name', did you mean 'lead.first_name'?" in str(caught.value)
        assert stored(workspace, "template") == stored(workspace, "operation") == []

    @pytest.mark.parametrize(
        "path", ["lead.company", "contact.name", "account.domain", "campaign.budget_currency", "sender.address"]
    )
    def test_what_a_record_has_may_be_used(self, workspace: Workspace, path: str) -> None:
        save_template(workspace, "thank_you", "en", "Hello", f"{{{{ {path} }}}}")

    @pytest.mark.parametrize("path", ["lead.email_key", "lead.search_text", "sender.password", "os.environ"])
    def test_what_is_not_for_people_may_not(self, workspace: Workspace, path: str) -> None:
        with pytest.raises(RejectedError, match="unknown variable"):
            save_template(workspace, "thank_you", "en", "Hello", f"{{{{ {path} }}}}")


class TestDefaults:
    def test_a_new_workspace_thanks_in_french_and_english(self, workspace: Workspace) -> None:
        make_templates(workspace)

        assert {t.label for t in stored(workspace, "template")} == {"thank_you (fr)", "thank_you (en)"}

    def test_what_is_there_already_stays(self, workspace: Workspace) -> None:
        save_template(workspace, "thank_you", "fr", "Merci à vous", "Bonjour")
        make_templates(workspace)

        french = [t.subject for t in stored(workspace, "template") if t.language == "fr"]
        assert french == ["Merci à vous"]
        assert len(stored(workspace, "template")) == 2


class TestChoosing:
    @pytest.mark.parametrize(
        ("languages", "persons", "usual", "chosen", "why"),
        [
            (["en", "fr"], "fr", "en", "fr", "it is the language of the person"),
            (["en", "fr"], "de", "fr", "fr", "there is none in de, and it is the language of the workspace"),
            (["fr", "en"], None, "en", "en", "the person has no language, and it is the language of the workspace"),
            (["it", "es"], "de", "en", "es", "there is none in de, nor one in en, and it is the first there is"),
        ],
    )
    def test_the_choice_is_stated(
        self, languages: list[str], persons: str | None, usual: str, chosen: str, why: str
    ) -> None:
        assert choose_language(dict.fromkeys(languages), persons, usual) == (chosen, why)


class TestPreview:
    def test_it_shows_what_one_person_would_read(self, workspace: Workspace) -> None:
        make_templates(workspace)
        campaign = make(workspace, "campaign", [{"name": "Salon des vins"}])[0]
        lead = make_leads(workspace, "jules@example.com", first_name="Jules", company="Hospy Médias", language="fr")[0]

        shown = preview(workspace, "thank_you", lead, campaign=campaign)

        assert (shown.language, shown.why) == ("fr", "it is the language of the person")
        assert shown.rendered.subject == "Merci de votre visite – Salon des vins"
        assert "Bonjour Jules," in shown.rendered.text
        assert "Hospy Médias" in shown.rendered.html

    def test_another_language_can_be_asked_for(self, workspace: Workspace) -> None:
        make_templates(workspace)
        lead = make_leads(workspace, "jules@example.com", first_name="Jules", language="fr")[0]

        assert preview(workspace, "thank_you", lead, language="en").rendered.text.startswith("Dear Jules,")
        with pytest.raises(NotFoundError, match="thank_you \\(de\\)"):
            preview(workspace, "thank_you", lead, language="de")

    def test_a_contact_is_addressed_by_the_same_template_with_the_company_of_its_account(
        self, workspace: Workspace
    ) -> None:
        save_template(workspace, "hello", "en", "Hello", "{{ lead.name }} of {{ contact.company }}, {{ account.city }}")
        account = make(workspace, "account", [{"name": "Hospy Médias", "city": "Lyon"}])[0]
        contact = make(workspace, "contact", [{"first_name": "Jules", "last_name": "ETIENNE", "account_id": account}])

        assert preview(workspace, "hello", contact[0]).rendered.text == "Jules ETIENNE of Hospy Médias, Lyon"

    def test_values_are_plain(self, workspace: Workspace) -> None:
        save_template(
            workspace,
            "hello",
            "en",
            "Hello",
            "{{ lead.status }} {% for tag in lead.tags %}{{ tag }};{% endfor %} "
            '{{ campaign.budget | money: "EUR" }} {{ campaign.budget_currency }}',
        )
        campaign = make(workspace, "campaign", [{"name": "Salon", "budget": Money(Decimal("1200.50"), "EUR")}])[0]
        lead = make_leads(workspace, "jules@example.com", tags=("vip", "wine"))[0]

        shown = preview(workspace, "hello", lead, campaign=campaign)

        assert shown.rendered.text == "new vip;wine; €1,200.50 EUR"

    def test_a_hostile_name_comes_out_as_it_is(self, workspace: Workspace) -> None:
        save_template(workspace, "hello", "en", "Hello {{ lead.first_name }}", "x", html="<p>{{ lead.last_name }}</p>")
        lead = make_leads(workspace, "j@example.com", first_name="{{7*7}}", last_name="<script>")[0]

        shown = preview(workspace, "hello", lead).rendered

        assert (shown.subject, shown.html) == ("Hello {{7*7}}", "<p>&lt;script&gt;</p>")

    def test_the_way_out_is_in_the_text_once_it_is_configured(self, workspace: Workspace) -> None:
        make_templates(workspace)
        lead = make(workspace, "lead", [{"email": Email("jules@example.com"), "language": "en"}])[0]
        mail = MailSettings(unsubscribe_url="https://example.com/leave?t={token}", secret="s" * 16)

        assert "https://" not in preview(workspace, "thank_you", lead).rendered.text
        assert "https://example.com/leave?t=" in preview(configured(workspace, mail), "thank_you", lead).rendered.text

    def test_a_wrong_sender_is_a_matter_of_the_settings(self, workspace: Workspace) -> None:
        make_templates(workspace)
        lead = make_leads(workspace, "jules@example.com")[0]

        with pytest.raises(ConfigError) as caught:
            preview(configured(workspace, MailSettings(sender="nobody")), "thank_you", lead)

        assert caught.value.setting == "mail.sender"

    def test_only_people_are_written_to(self, workspace: Workspace) -> None:
        make_templates(workspace)
        account = make(workspace, "account", [{"name": "Hospy Médias"}])[0]

        with pytest.raises(NotFoundError, match="there is no lead or contact"):
            preview(workspace, "thank_you", account)

    def test_a_misspelt_template_brings_a_suggestion(self, workspace: Workspace) -> None:
        make_templates(workspace)
        lead = make_leads(workspace, "jules@example.com")[0]

        with pytest.raises(NotFoundError) as caught:
            preview(workspace, "thank_yuo", lead)

        assert caught.value.suggestions == ("thank_you",)
