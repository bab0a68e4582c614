// The page asks the same addresses as every other caller; what it shows comes from their answers.
"use strict";

const at = (id) => document.getElementById(id);
const ratings = new Map();
let token = sessionStorage.getItem("token") || "";
const asked = {};
let [latest, waiting] = [0, 0];

function make(tag, text, kind) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

function complain(text) {
  at("alert").textContent = text;
  at("alert").hidden = !text;
}

async function ask(path, body) {
  // Encoded, for a header takes no other signs: the service then says what is wrong with the token.
  const headers = token ? { Authorization: `Bearer ${encodeURIComponent(token)}` } : {};
  const options = { headers };
  if (body) {
    options.method = "POST";
    options.body = JSON.stringify(body);
    headers["Content-Type"] = "application/json";
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The service cannot be reached. Check that it runs, then try again.");
  }
  const found = await answer.json().catch(() => ({}));
  if ([401, 403].includes(answer.status)) at("sign-in").hidden = false;
  if (!answer.ok) throw new Error(found.detail || `The service answered ${answer.status}.`);
  at("sign-in").hidden = true;
  return found;
}

function facts(film) {
  return [film.year, ...film.genres].filter(Boolean).join(" · ") || "no genre known";
}

function row(film, placed) {
  const line = make("li");
  const title = film.title || `Film ${film.item}`;
  if (placed) line.append(make("span", `${film.rank}.`, "rank"));
  line.append(make("span", title, "film"), make("span", facts(film), "facts"));
  if (film.reason) line.append(make("span", film.reason, "why"));
  return [line, title];
}

function recommended(film) {
  const [line, title] = row(film, true);
  const button = make("button", "Similar films", "plain");
  button.type = "button";
  button.setAttribute("aria-label", `Similar films: ${title}`);
  button.addEventListener("click", () => showSimilar(film.item, title));
  line.append(button);
  return line;
}

function listOf(answer, heading) {
  const box = make("div", undefined, "list");
  box.append(make("h3", heading));
  box.append(make("p", `${answer.arm} · ${answer.model} ${answer.model_version || ""} · version ${answer.version}`, "quiet"));
  if (answer.source === "segment") {
    const where = answer.segment === "everybody" ? "with everybody" : `in the ${answer.segment}`;
    box.append(make("p", `No list of their own: this is what is popular ${where}.`, "fallback"));
  }
  if (answer.unknown_items && answer.unknown_items.length) {
    box.append(make("p", `${answer.unknown_items.length} of the rated films are new to the model.`, "quiet"));
  }
  const list = make("ol");
  list.setAttribute("aria-label", heading);
  list.append(...answer.recommendations.map(recommended));
  box.append(answer.recommendations.length ? list : make("p", "No film of this list passes the filters."));
  return box;
}

// Each place of the page shows the answer to what was asked for it last, whatever else is under way.
async function attempt(place, work) {
  const turn = (asked[place] ?? 0) + 1;
  const current = () => asked[place] === turn;
  asked[place] = turn;
  const order = ++latest;
  waiting += 1;
  at("status").textContent = "Asking…";
  let fault = "";
  try {
    await work(current);
  } catch (error) {
    fault = error.message;
  }
  waiting -= 1;
  if (current() && (fault || order === latest)) complain(fault);
  if (!waiting) at("status").textContent = fault ? "" : "Done.";
}

async function showUser() {
  const user = at("user").value;
  const query = new URLSearchParams({ k: "10" });
  if (at("genre").value) query.set("genre", at("genre").value);
  if (at("min-year").value) query.set("min_year", at("min-year").value);
  const arms = at("compare").checked ? ["champion", "canary"] : [""];
  await attempt("lists", async (current) => {
    const answers = await Promise.all(arms.map((arm) => {
      const own = new URLSearchParams(query);
      if (arm) own.set("arm", arm);
      return ask(`/users/${encodeURIComponent(user)}/recommendations?${own}`);
    }));
    if (!current()) return;
    at("lists").replaceChildren(...answers.map((a) =>
      listOf(a, arms.length > 1 ? `User ${user}, ${a.arm}` : `For user ${user}`)));
    hideSimilar();
  });
}

async function showNew() {
  const listed = [...ratings].map(([item, { rating }]) => ({ item, rating }));
  const named = [...ratings.values()].map(({ title, rating }) => `${title}: ${rating}`).join("; ");
  at("rated").textContent = listed.length
    ? `${listed.length} film${listed.length > 1 ? "s" : ""} rated (${named}).` : "No film rated yet.";
  await attempt("new-list", async (current) => {
    const answer = await ask("/recommendations", { ratings: listed, k: 10 });
    if (current()) at("new-list").replaceChildren(listOf(answer, "For somebody new"));
  });
}

async function showFilms() {
  const query = new URLSearchParams({ q: at("words").value, k: "12" });
  await attempt("films", async (current) => {
    const answer = await ask(`/items?${query}`);
    if (!current()) return;
    const rows = answer.items.map(ratable);
    at("films").replaceChildren(...(rows.length ? rows : [make("li", "No film has these words in its title.")]));
  });
}

function ratable(film) {
  const [line, title] = row(film, false);
  const stars = make("select");
  stars.setAttribute("aria-label", `Your stars for ${title}`);
  stars.append(new Option("not rated", ""));
  for (let star = 5; star >= 0.5; star -= 0.5) stars.append(new Option(`${star} stars`, star));
  stars.value = ratings.get(film.item)?.rating ?? "";
  stars.addEventListener("change", () => {
    if (stars.value) ratings.set(film.item, { title, rating: Number(stars.value) });
    else ratings.delete(film.item);
    showNew();
  });
  line.append(stars);
  return line;
}

async function showSimilar(item, title) {
  await attempt("similar", async (current) => {
    const answer = await ask(`/items/${item}/similar?k=8`);
    if (!current()) return;
    at("similar-title").textContent = `Similar to ${title}`;
    const rows = answer.similar.map((film) => row(film, true)[0]);
    at("similar-list").replaceChildren(...(rows.length ? rows : [make("li", "None is known.")]));
    at("similar").hidden = false;
    at("similar").focus();
    at("similar").scrollIntoView({ block: "nearest" });
  });
}

// An answer to them that is still on its way must not bring them back, and take the focus.
function hideSimilar() {
  asked.similar = (asked.similar ?? 0) + 1;
  at("similar").hidden = true;
}

function show(view) {
  for (const button of document.querySelectorAll("nav button")) {
    button.setAttribute("aria-pressed", String(button.dataset.view === view));
  }
  at("view-user").hidden = view !== "user";
  at("view-new").hidden = view !== "new";
  hideSimilar();
  if (view === "new" && !at("films").children.length) showFilms().then(showNew);
}

async function begin() {
  await attempt("about", async () => {
    const about = await ask("/version");
    at("about").textContent = `Version ${about.champion}` + (about.canary
      ? `; ${Number((100 * about.canary_share).toPrecision(6))} % of the users see ${about.canary}` : "");
    at("compare-choice").hidden = !about.canary;
    at("genre").replaceChildren(new Option("all", ""), ...about.genres.map((g) => new Option(g, g)));
  });
  if (at("alert").hidden) await showUser();
  else at("about").textContent = "";
}

at("user-form").addEventListener("submit", (event) => { event.preventDefault(); showUser(); });
at("search-form").addEventListener("submit", (event) => { event.preventDefault(); showFilms(); });
at("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = at("token").value.trim();
  sessionStorage.setItem("token", token);
  begin();
});
for (const button of document.querySelectorAll("nav button")) {
  button.addEventListener("click", () => show(button.dataset.view));
}
begin();
