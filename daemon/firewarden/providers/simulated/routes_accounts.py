"""Accounts, people, the audit log and the metrics text over HTTP."""

from collections.abc import Mapping

from firewarden.providers.simulated import metrics
from firewarden.providers.simulated.account import Account, AuditEntry
from firewarden.providers.simulated.gateway import (
    Call,
    Handler,
    Refusal,
    Reply,
    dump,
    invalid,
    without_zeros,
)
from firewarden.providers.simulated.instants import DAY_MS, MINUTE_MS, instant_text
from firewarden.providers.simulated.paging import Place, answer, listing, mask_item
from firewarden.providers.simulated.plan import Json, UserPlan

SCRAPES_A_MINUTE = 6
_AUDIT_PAGE = 10
_AUDIT_WINDOW_MS = 30 * DAY_MS
_OPENED = "2025-06-01T09:00:00Z"


def list_accounts(call: Call) -> Reply:
    """Answer the accounts that the key sees."""
    rows = [_account(call.world.accounts[account_id]) for account_id in call.key.accounts]
    return answer(call, listing("accounts", rows, place=_by_name, render=dump), orders=("name",))


def get_account(call: Call) -> Reply:
    """Answer one account."""
    row = dump(_account(call.account))
    return Reply(body=mask_item(row, call.text("readMask") or "*"))


def list_users(call: Call) -> Reply:
    """Answer the people and service accounts of the account, the key's own user among them."""
    key = call.key
    users = {user.user_id: user for user in call.account.plan.users}
    users.setdefault(
        key.user_id, UserPlan(user_id=key.user_id, role=key.role, service_account=True)
    )
    rows = [_user(call.account, user) for user in users.values()]
    return answer(call, listing("users", rows, place=_by_name, render=dump), orders=("name",))


def list_audit_logs(call: Call) -> Reply:
    """Answer who did what, the newest 30 days by default; Enterprise accounts only."""
    account = call.account
    if not account.plan.enterprise:
        raise Refusal("PERMISSION_DENIED", "audit logs are available to Enterprise accounts only")
    since = call.instant("startTime")
    until = call.instant("endTime")
    since = call.now - _AUDIT_WINDOW_MS if since is None else since
    until = call.now + 1 if until is None else until
    if until < since:
        raise invalid("end_time must not be before start_time")
    email = call.text("email")
    kept = (
        entry
        for entry in account.audit
        if since <= entry.at < until and email in {"", entry.principal}
    )
    source = listing(
        "auditLogs",
        kept,
        place=lambda entry: (entry.at, entry.number),
        render=lambda entry: dump(_entry(account, entry)),
        default_size=_AUDIT_PAGE,
    )
    return answer(call, source, orders=("timestamp",))


def scrape_metrics(call: Call) -> Reply:
    """Answer the metrics text, at most six times a minute for the whole account."""
    account = call.account
    recent = [at for at in account.scrapes if call.now - at < MINUTE_MS]
    if len(recent) >= SCRAPES_A_MINUTE:
        account.scrapes = recent
        raise Refusal("RESOURCE_EXHAUSTED", "metrics: at most 6 requests a minute for an account")
    account.scrapes = [*recent, call.now]
    return Reply(
        body=metrics.text(account, call.now).encode(),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )


HANDLERS: Mapping[tuple[str, str], Handler] = {
    ("GET", ""): get_account,
    ("GET", "/users"): list_users,
    ("GET", "/auditLogs"): list_audit_logs,
    ("GET", "/metrics"): scrape_metrics,
}


def _account(account: Account) -> Json:
    return without_zeros(
        {
            "name": f"accounts/{account.account_id}",
            "displayName": account.account_id.title(),
            "email": f"billing@{account.account_id}.example",
            "accountType": "ENTERPRISE" if account.plan.enterprise else "",
            "createTime": _OPENED,
            "updateTime": _OPENED,
            "state": "READY",
            "status": {"code": "OK"},
            "suspendState": account.plan.suspend_state,
        }
    )


def _user(account: Account, user: UserPlan) -> Json:
    return without_zeros(
        {
            "name": f"accounts/{account.account_id}/users/{user.user_id}",
            "displayName": user.user_id,
            "serviceAccount": user.service_account,
            "createTime": _OPENED,
            "role": user.role,
            "email": user.email or f"{user.user_id}@{account.account_id}.example",
            "state": "READY",
            "status": {"code": "OK"},
        }
    )


def _entry(account: Account, entry: AuditEntry) -> Json:
    return {
        "id": f"{account.account_id}-{entry.number}",
        "method": entry.method,
        "principal": entry.principal,
        "status": {"code": "OK"},
        "timestamp": instant_text(entry.at),
        "resource": entry.resource,
    }


def _by_name(row: Json) -> Place:
    return (str(row["name"]),)
