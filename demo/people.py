"""Who works at the two sample companies, and how the printed sign-ins read."""

from __future__ import annotations

from dataclasses import dataclass

PASSWORD = "call-centre-demo"  # noqa: S105 printed on every start; these people exist in the demo only
PLATFORM_EMAIL = "operator@platform.example"
PLATFORM_NAME = "Priya Raman"


@dataclass(frozen=True)
class Team:
    """A team: who supervises it, its queues (key, name), and its agents."""

    name: str
    supervisor: str
    queues: tuple[tuple[str, str], ...]
    agents: tuple[str, ...]


@dataclass(frozen=True)
class Company:
    """A sample company. The first agent of the first team is the one that the sample call is played to."""

    schema: str
    name: str
    time_zone: str
    teams: tuple[Team, ...]
    analyst: str
    admin: str
    customers: tuple[str, ...]

    def email(self, name: str) -> str:
        return f"{name.split()[0].lower()}@{self.schema}.example"

    def host(self, platform: str) -> str:
        return f"{self.schema}.{platform}"

    def floor_host(self, platform: str) -> str:
        """A second host name, for the supervisor: a browser keeps one sign-in a host."""
        return f"floor.{self.host(platform)}"

    @property
    def agent(self) -> str:
        return self.teams[0].agents[0]

    @property
    def supervisor(self) -> str:
        return self.teams[0].supervisor


NORTHWIND = Company(
    schema="northwind",
    name="Northwind Broadband",
    time_zone="America/Chicago",
    teams=(
        Team(
            "Support",
            "Maria Lindqvist",
            (("internet-support", "Internet support"), ("moves", "Moves")),
            ("Robert Okafor", "Aisha Karimi", "Thomas Brennan", "Mei-Ling Zhao"),
        ),
        Team(
            "Billing",
            "Desmond Clarke",
            (("billing", "Billing"), ("retention", "Retention")),
            ("Elena Petrova", "Kwame Mensah", "Sofia Navarro", "James Whitfield"),
        ),
    ),
    analyst="Hannah Goldberg",
    admin="Victor Almeida",
    customers=(
        *("Olivia Bennett", "Marcus Hill", "Yuki Tanaka", "Carlos Romero", "Grace Adeyemi", "Peter Novak"),
        *("Fatima Hassan", "Daniel Cooper", "Linda Schmidt", "Omar Farouk", "Rebecca Stone", "Anh Nguyen"),
        *("George Papadakis", "Emily Carter", "Ivan Horvat", "Ruth Abrams", "Samuel Osei", "Julia Costa"),
    ),
)

ACME = Company(
    schema="acme",
    name="Acme Mobile",
    time_zone="Europe/London",
    teams=(
        Team(
            "Care",
            "Ingrid Solberg",
            (("internet-support", "Internet support"), ("moves", "Moves")),
            ("Michael Grant", "Leila Haddad", "Patrick Doyle", "Ngozi Eze"),
        ),
        Team(
            "Accounts",
            "Hiroshi Sato",
            (("billing", "Billing"), ("retention", "Retention")),
            ("Charlotte Evans", "Rahul Mehta", "Zofia Kowalska", "Ben Ashworth"),
        ),
    ),
    analyst="Camille Laurent",
    admin="Stefan Vogel",
    customers=(
        *("Harriet Moss", "Adeel Khan", "Siobhan Kelly", "Tomasz Wolski", "Beatrice Lowe", "Chidi Obi"),
        *("Nadia Rahman", "Gareth Price", "Lucia Ferri", "Owen Hughes", "Parveen Gill", "Mateo Silva"),
        *("Joan Fletcher", "Kofi Boateng", "Isla Murray", "Henrik Dahl", "Tara Singh", "Alan Whitby"),
    ),
)

COMPANIES = (NORTHWIND, ACME)


def agent_number(company: Company, name: str) -> str:
    """The agent's id in the telephony: 7001 and on, in the order of teams."""
    names = [agent for team in company.teams for agent in team.agents]
    return str(7001 + names.index(name))


def sign_ins(*, port: int, domain: str) -> list[str]:
    """Lines to print: where to sign in, as whom."""
    lines = []
    for company in COMPANIES:
        site = f"http://{company.host(domain)}:{port}"
        floor = f"http://{company.floor_host(domain)}:{port}"
        lines += [
            company.name,
            f"  agent       {site}/desk/           {company.email(company.agent)}",
            f"  supervisor  {floor}/floor/    {company.email(company.supervisor)}",
            f"  analyst     {site}/conversations/  {company.email(company.analyst)}",
            f"  admin       {site}/admin/          {company.email(company.admin)}",
            "",
        ]
    lines += [
        "Platform",
        f"  operator    http://{domain}:{port}/admin/  {PLATFORM_EMAIL}",
        "",
        f"The password of all of them: {PASSWORD}",
        "Open the agent's and the supervisor's link side by side and play the sample call on the agent's desk.",
    ]
    return lines
