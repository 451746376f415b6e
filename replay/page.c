#include "replay/page.h"

/* Light paper and one accent, so that print and screen are the same. */
static const char style[] =
    ":root{--ink:#1c2430;--soft:#5d6878;--line:#d9dee6;--paper:#fff;--tint:#f5f7fa;--old:#a9b4c4;"
    "--new:#2563c9;--up:#14804a;--down:#b3261e}"
    "*{box-sizing:border-box}"
    "body{margin:0;background:var(--tint);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif}"
    "main{max-width:1060px;margin:24px auto;padding:32px 40px 40px;background:var(--paper);"
    "border:1px solid var(--line);border-radius:10px}"
    "h1{font-size:26px;line-height:1.25;margin:0 0 6px}"
    "h2{font-size:18px;margin:36px 0 4px;padding-top:18px;border-top:1px solid var(--line)}"
    "h3{font-size:14px;margin:20px 0 4px}"
    "p{margin:4px 0 10px}.soft{color:var(--soft)}"
    "code{font:13px/1.4 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th{font-weight:600;text-align:left;font-size:13px;color:var(--soft);"
    "border-bottom:1px solid var(--line);padding:5px 10px 5px 0;vertical-align:bottom}"
    "td{padding:4px 10px 4px 0;border-bottom:1px solid var(--tint);vertical-align:middle}"
    "th.n,td.n{text-align:right;white-space:nowrap}"
    "td.w{max-width:340px;overflow-wrap:anywhere}"
    "svg{display:block;max-width:100%}table.fixed{table-layout:fixed;min-width:760px}"
    "table.narrow{max-width:560px}"
    ".up{color:var(--up);font-weight:600}.down{color:var(--down);font-weight:600}"
    ".cards{display:grid;grid-template-columns:repeat(3,1fr);gap:12px;"
    "margin:20px 0 4px}"
    ".card{border:1px solid var(--line);border-radius:8px;padding:12px 14px}"
    ".card b{display:block;font-size:24px;line-height:1.2;font-weight:650;"
    "font-variant-numeric:tabular-nums}"
    ".card span{display:block;font-size:13px}"
    ".key{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 14px}"
    ".pair{display:grid;grid-template-columns:auto minmax(0,1fr);gap:2px 14px;margin:12px 0 0}"
    ".cards+p{margin-top:12px}.cards+.plots{margin-top:20px}.wide{margin-top:12px}.plot{height:"
    "auto}.plots{"
    "display:grid;grid-template-columns:repeat(3,1fr);gap:14px 8px}"
    ".plots.two{grid-template-columns:repeat(2,1fr)}.plots h3{margin:0 0 2px;font-size:13px;"
    "overflow-wrap:anywhere}"
    ".many td,.many th{font-size:12px;padding-right:6px}td small,th small{display:block;"
    "font-weight:400;font-size:11px;color:var(--soft);white-space:nowrap}"
    "th.n{white-space:normal}.many th.n{overflow-wrap:anywhere}.many th.c{overflow-wrap:normal}"
    ".support td.w{min-width:110px}main{overflow-wrap:break-word}.support small{white-space:normal}"
    ".many td small{white-space:normal;font-size:10px}.many td.w{min-width:76px}"
    "@media screen{.few td small{display:inline;margin-left:7px}}"
    ".cards.four{grid-template-columns:repeat(4,1fr)}.cards.fit{grid-template-columns:repeat(auto-"
    "fit,minmax(170px,1fr))}"
    ".verdicts{list-style:none;margin:16px 0 0;padding:0;overflow-wrap:anywhere}"
    ".verdicts li{margin:4px 0;padding:6px 12px;border-left:4px solid var(--old);"
    "background:var(--tint);border-radius:0 6px 6px 0}"
    ".verdicts .up,.verdicts .down{color:inherit;font-weight:inherit}"
    ".verdicts .up{border-color:var(--up)}.verdicts .down{border-color:var(--down)}"
    ".light{display:inline-block;padding:1px 9px;border-radius:9px;font-size:12px;"
    "font-weight:600;color:#fff;background:var(--soft);print-color-adjust:exact;"
    "-webkit-print-color-adjust:exact}"
    ".light.up{background:var(--up);color:#fff}.light.down{background:var(--down);color:#fff}"
    ".light.warn{background:#8a5a00}"
    "summary{cursor:pointer;color:var(--soft);margin:4px 0}"
    "dl{margin:8px 0}dt{font-weight:600;margin-top:8px}dd{margin:0;color:var(--soft)}"
    ".notes{font-size:13px;color:var(--soft)}.notes li{margin:3px 0}";

/* Small screens, and paper. */
static const char other_media[] =
    "@media(max-width:700px){main{margin:0;border:0;border-radius:0;padding:20px 16px}"
    ".wide{overflow-x:auto}.cards,.cards.four{grid-template-columns:repeat(2,1fr)}"
    ".plots,.plots.two{grid-template-columns:1fr}}"
    "@media print{@page{margin:14mm}body{background:none;font-size:11pt}"
    "main{margin:0;padding:0;border:0;max-width:none}h2,h3{break-after:avoid;break-inside:avoid}h2+"
    "p,h2+p+p{break-after:avoid}"
    "tr,.few,.many,.support,.notes,.card,.block,.verdicts li,.plots>div,.plot{break-inside:avoid}"
    "thead{display:table-header-group}summary,details:not([open]){display:none}"
    ".few td,.many td,.support td{font-size:9.5pt}.many td,.many th{font-size:8pt}"
    "h1{font-size:18pt}.card b{font-size:16pt}table.fixed{min-width:0}}";

/* Where values lie between bounds, as dots on a line. */
static const char places[] =
    ".place{display:block;position:relative;width:150px;height:16px}.place:before{content:\"\";"
    "position:absolute;left:0;right:0;top:7px;border-top:2px solid var(--line)}.place i{position:"
    "absolute;top:4px;width:8px;height:8px;margin-left:-4px;border-radius:4px;background:var(--old)"
    ";"
    "print-color-adjust:exact;-webkit-print-color-adjust:exact}.place .new{background:var(--new)}";

void page_text(FILE *file, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        case '\'':
            fputs("&#39;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

void page_begin(FILE *file, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
          file);
    page_text(file, title);
    fprintf(file, "</title>\n<style>%s%s%s</style>\n</head>\n<body>\n<main>\n", style, places,
            other_media);
}

void page_end(FILE *file)
{
    fputs("</main>\n</body>\n</html>\n", file);
}

void page_section(FILE *file, const char *title, const char *lead)
{
    fputs("<h2>", file);
    page_text(file, title);
    fputs("</h2>\n", file);
    if (lead != NULL) {
        fputs("<p class=\"soft\">", file);
        page_text(file, lead);
        fputs("</p>\n", file);
    }
}
