//! Command lines of interpreters, and what they run.

use super::*;

/// Words part at spaces; `|` stands for a space within a word.
#[track_caller]
fn runs(program: &str, command: &str, expected: &str) {
    let words = command
        .split(' ')
        .map(|word| Foreign::new(word.replace('|', " ")));
    let words: Vec<Foreign> = words.collect();
    let script = script_of(program, &words);
    assert_eq!(
        script.as_ref().map_or("", Foreign::unclean),
        expected,
        "{command}"
    );
}

#[test]
fn node_and_its_kin() {
    for (program, command, expected) in [
        ("node", "node server.js", "server.js"),
        (
            "nodejs",
            "/usr/bin/nodejs --inspect=0.0.0.0:9229 -r ts-node/register src/main.ts",
            "src/main.ts",
        ),
        (
            "node",
            "node --require /app/node_modules/tsx/dist/preflight.cjs --import file:///app/loader.mjs src/server.ts",
            "src/server.ts",
        ),
        (
            "node",
            "node --max-old-space-size=4096 /app/node_modules/.bin/vite --port 5173",
            "/app/node_modules/.bin/vite",
        ),
        (
            "node",
            "node -e require('http').createServer().listen(80)",
            "",
        ),
        ("node", "node -r x -p 1+1", ""),
        ("node", "node inspect app.js", "app.js"),
        ("node", "node -- app.js -x", "app.js"),
        ("node", "node --run=dev", "dev"),
        ("node", "node --env-file .env main.js", "main.js"),
        (
            "node",
            "node --unhandled-rejections strict --dns-result-order ipv4first main.js",
            "main.js",
        ),
        (
            "node",
            "node --stack-trace-limit=9 --enable-source-maps main.js",
            "main.js",
        ),
        ("node", "node -", ""),
        ("node", "node", ""),
        ("node", "npm|run|dev   ", "npm run dev"),
        (
            "node",
            "node /usr/bin/npm run dev -- --port 3000",
            "npm run dev",
        ),
        (
            "node",
            "/usr/local/bin/node /usr/local/lib/node_modules/npm/bin/npx-cli.js serve -s build",
            "npx serve",
        ),
        (
            "node",
            "node /usr/share/yarn/bin/yarn.js start",
            "yarn start",
        ),
        (
            "node",
            "node /usr/lib/node_modules/pnpm/bin/pnpm.cjs dev",
            "pnpm dev",
        ),
        ("node", "next-server|(v14.0.4)", "next-server"),
        ("node", "node|/app/server.js", "/app/server.js"),
        (
            "deno",
            "deno run --allow-net -c deno.json main.ts",
            "main.ts",
        ),
        ("deno", "deno serve --port 8000 main.ts", "main.ts"),
        ("deno", "deno task dev", "dev"),
        ("deno", "deno eval Deno.serve()", ""),
        ("bun", "bun --hot index.ts", "index.ts"),
        ("bun", "bun run --cwd /app dev", "dev"),
        ("bun", "bun run run", "run"),
    ] {
        runs(program, command, expected);
    }
}

#[test]
fn python_and_its_servers() {
    for (program, command, expected) in [
        ("python3.11", "python3 -m http.server 8000", "http.server"),
        ("python3.11", "python3 -um http.server", "http.server"),
        ("python3", "python3 -mhttp.server", "http.server"),
        (
            "python3.12",
            "python -X dev -W ignore -u app.py --port 80",
            "app.py",
        ),
        (
            "python3.12",
            "python -Xdev -Wignore -OO -B app.py",
            "app.py",
        ),
        ("python2.7", "python -c import|x;x.run() app.py", ""),
        ("python3", "python3 -uc print(1)", ""),
        ("python3", "python3 -", ""),
        ("python3", "python3", ""),
        (
            "python3.11",
            "/usr/bin/python3 manage.py runserver 0.0.0.0:8000",
            "manage.py",
        ),
        (
            "python3.11",
            "/usr/bin/python3 /usr/bin/gunicorn -w 4 -b 0.0.0.0:8000 app:main",
            "app:main",
        ),
        (
            "python3.11",
            "/usr/bin/python3 /usr/bin/gunicorn --bind unix:/run/x.sock shop.wsgi",
            "shop.wsgi",
        ),
        (
            "python3.11",
            "/usr/bin/python3 /usr/bin/gunicorn -c conf.py",
            "/usr/bin/gunicorn",
        ),
        (
            "python3.11",
            "/usr/bin/python3 /usr/bin/gunicorn app:create_app('x') --log-level debug",
            "app:create_app('x')",
        ),
        (
            "python3.11",
            "python3 -m uvicorn shop.main:app --host localhost:80 --reload",
            "shop.main:app",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/uvicorn --port 8000 main:app",
            "main:app",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/streamlit run dash.py --server.port 80",
            "dash.py",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/fastapi dev main.py",
            "main.py",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/fastapi dev --port 80",
            "/v/bin/fastapi",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/flask --app=hello run",
            "hello",
        ),
        (
            "python3.11",
            "/v/bin/python /v/bin/flask run -p 80",
            "/v/bin/flask",
        ),
        ("python3.11", "gunicorn:|master|[app:main]", "app:main"),
        (
            "python3.11",
            "/usr/bin/python3 /usr/bin/jupyter-lab --no-browser",
            "/usr/bin/jupyter-lab",
        ),
        ("pypy3", "pypy3 x.py", "x.py"),
    ] {
        runs(program, command, expected);
    }
}

#[test]
fn java_and_dotnet() {
    for (program, command, expected) in [
        (
            "java",
            "java -Xmx1g -Dserver.port=80 -jar /opt/shop.jar --debug",
            "/opt/shop.jar",
        ),
        (
            "java",
            "/usr/lib/jvm/bin/java -cp /a.jar:/b.jar -XX:+UseG1GC org.apache.catalina.startup.Bootstrap start",
            "org.apache.catalina.startup.Bootstrap",
        ),
        (
            "java",
            "java --add-opens java.base/java.lang=ALL-UNNAMED --add-opens=a/b=c com.acme.Main",
            "com.acme.Main",
        ),
        (
            "java",
            "java -p mods -m com.acme/com.acme.Main",
            "com.acme/com.acme.Main",
        ),
        ("java", "java --module=com.acme", "com.acme"),
        (
            "java",
            "java @/opt/options -Xshare:auto Main.java",
            "Main.java",
        ),
        ("java", "java -version", ""),
        (
            "dotnet",
            "dotnet /app/Shop.dll --urls http://+:80",
            "/app/Shop.dll",
        ),
        (
            "dotnet",
            "dotnet exec --depsfile x.json --runtimeconfig y.json app.dll",
            "app.dll",
        ),
        ("dotnet", "dotnet run --project src/Shop", "src/Shop"),
        ("dotnet", "dotnet run", ""),
        ("dotnet", "dotnet build-server x.dll", ""),
    ] {
        runs(program, command, expected);
    }
}

#[test]
fn ruby_perl_php_shells_and_lua() {
    for (program, command, expected) in [
        ("ruby3.1", "ruby bin/rails server -p 3000", "bin/rails"),
        ("ruby", "ruby -rbundler/setup -I lib -W0 app.rb", "app.rb"),
        ("ruby", "ruby -run -e httpd . -p 8000", ""),
        ("ruby", "puma|6.4.0|(tcp://0.0.0.0:3000)|[shop]", "shop"),
        ("ruby", "puma:|cluster|worker|0:|4711|[shop]", "shop"),
        ("ruby", "sidekiq|7.0|shop|[0|of|5|busy]", ""),
        (
            "perl",
            "/usr/bin/perl -w -I lib -Mstrict /usr/bin/plackup app.psgi",
            "/usr/bin/plackup",
        ),
        ("perl", "perl -MIO::Socket -e print|1 x", ""),
        ("perl", "perl -l012 -lane print x", ""),
        ("php8.2", "php -S localhost:8000 -t public", "public"),
        (
            "php8.2",
            "php -S localhost:8000 -t public router.php",
            "router.php",
        ),
        ("php", "php -S localhost:8000", ""),
        ("php", "php -d memory_limit=1G artisan serve", "artisan"),
        ("php", "php -r echo|1; x.php", ""),
        ("php", "php -f x.php", "x.php"),
        (
            "bash",
            "/bin/bash -eu -o pipefail /opt/run.sh arg",
            "/opt/run.sh",
        ),
        ("bash", "bash +x run.sh", "run.sh"),
        ("dash", "sh -c nc|-l|80 x", ""),
        ("bash", "-bash", ""),
        ("busybox", "sh /run.sh", "/run.sh"),
        ("busybox", "/bin/busybox sh -x /run.sh", "/run.sh"),
        ("busybox", "httpd -f -p 80", ""),
        ("lua5.4", "lua -l socket server.lua", "server.lua"),
    ] {
        runs(program, command, expected);
    }
}

#[test]
fn other_programs_run_no_script() {
    for (program, command) in [
        ("nginx", "nginx: master process"),
        ("node_exporter", "node_exporter x.js"),
        ("pythonista", "pythonista x.py"),
        ("", "x y"),
    ] {
        runs(program, command, "");
    }
    assert_eq!(script_of("python3", &[]), None);
    assert_eq!(script_of("busybox", &[]), None);
}
