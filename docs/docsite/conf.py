# Copyright (c) 2026, the netns.lab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sphinx makes the site from this, as `./lab test docs` calls it: the pages of docs and what antsibull-docs writes."""

from __future__ import annotations

import posixpath
import re
import typing as t

from docutils import nodes

if t.TYPE_CHECKING:
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

REPOSITORY = "https://github.com/netns/lab"
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
LABELS = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}
"""What antsibull-docs names of Ansible's own documentation, and its page. Sphinx could read that from an inventory, but
only with a network."""

project = "netns.lab"
copyright = "the netns.lab authors"  # noqa: A001
title = html_short_title = "netns.lab"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_theme_options = {"documentation_home_url": f"{REPOSITORY}#readme", "vcs_pageview_mode": ""}
html_show_sphinx = False
html_copy_source = False
html_use_index = False
pygments_style = "ansible"
highlight_language = "text"
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # README's first heading comes after a picture of a lab
nitpicky = True


def _outward(app: Sphinx, page: str, source: list[str]) -> None:
    """Links from pages to what is no page lead to the repository."""

    def lead(found: re.Match[str]) -> str:
        target, anchor = found[1], found[2] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if path.removesuffix(".md") in app.env.found_docs:
            return found[0]
        return f"]({REPOSITORY}/blob/main/{path}{anchor})"

    if app.env.doc2path(page, base=False).suffix == ".md":
        source[0] = re.sub(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(#[^)\s]*)?\)", lead, source[0])


def _to_ansible(_app: Sphinx, _env: BuildEnvironment, node: pending_xref, text: nodes.Element) -> nodes.Element | None:
    """References to what Ansible's own documentation tells. Any other that leads nowhere stays a warning."""
    target = node["reftarget"]
    builtin = re.fullmatch(r"ansible_collections\.ansible\.builtin\.(\w+)", target)
    if builtin:
        page = f"collections/ansible/builtin/{builtin[1]}.html"
    elif node["reftype"] == "envvar" and target.startswith("ANSIBLE_"):
        page = f"reference_appendices/config.html#envvar-{target}"
    elif target in LABELS:
        page = LABELS[target]
    else:
        return None
    return nodes.reference("", "", text, internal=False, refuri=f"{ANSIBLE}/{page}")


def setup(app: Sphinx) -> None:
    app.connect("missing-reference", _to_ansible)
    app.connect("source-read", _outward)
