// The page of a tried draft: its steps one after another.
import { stepping } from "./rule_builder_try.js";

stepping(document.querySelector("[data-steps]"));
