// The agent's desk as a page of its own: everything it begins with stands in the page.
import { pageData } from "./dom.js";
import { startDesk } from "./desk_work.js";

startDesk(pageData("page"));
