# Ce que disent les pages, en français. Des phrases courtes, adressées à la personne qui lit.

# Autour de chaque page
skip = Aller au contenu
ways = Principal
admin = Demandes
log-in = Se connecter
log-out = Se déconnecter
register = Créer un compte
footer = Servi par Shoal, logiciel libre. Ni pistage, ni publicité.
language = Langue

# Listes
videos = Vidéos
empty-title = L’étagère est vide
empty-how = Posez-y la première vidéo depuis un terminal sur ce serveur :
empty-then = Elle apparaît ici dès que sa plus petite taille est prête, avec le même dossier --data que ce serveur.
making = d’autres tailles arrivent
pages = Pages
newer = Plus récentes
older = Plus anciennes
age-now = à l’instant
age-minute = { $count ->
    [one] il y a 1 minute
   *[other] il y a { $count } minutes
}
age-hour = { $count ->
    [one] il y a 1 heure
   *[other] il y a { $count } heures
}
age-day = { $count ->
    [one] il y a 1 jour
   *[other] il y a { $count } jours
}
age-week = { $count ->
    [one] il y a 1 semaine
   *[other] il y a { $count } semaines
}
age-month = il y a { $count } mois
age-year = { $count ->
    [one] il y a 1 an
   *[other] il y a { $count } ans
}

# Une vidéo
share-title = La montrer sur votre page
share-how = Collez ceci là où la vidéo doit être :
copy = Copier
copied = Copié
copy-by-hand = Appuyez sur Ctrl+C pour copier
source-title = D’où elle vient
source-off = Cette vidéo est gardée sur { $name } et n’est envoyée que de là.
source-receive = Cette vidéo est gardée sur { $name }. Le lecteur en reçoit des parties d’autres personnes qui la regardent, et n’en donne pas, sauf si c’est désactivé dans le lecteur.
source-full = Cette vidéo est gardée sur { $name }. Les personnes qui la regardent s’en envoient des parties, sauf si c’est désactivé dans le lecteur.
source-ask = Cette vidéo est gardée sur { $name }. Les personnes qui la regardent s’en envoient des parties si elles ont dit oui dans le lecteur.
sizes = Tailles
quality = Qualité
picture = Image
file = Fichier
other-players = Pour d’autres lecteurs :

# Entrer
username = Nom d’utilisateur
username-hint = Lettres minuscules, chiffres et _ ; au milieu aussi . et -. Les autres le voient, et il reste.
username-or-email = Nom d’utilisateur ou adresse électronique
display-name = Nom
display-name-hint = Ce que voient les autres ; vous pourrez le changer.
email = Adresse électronique
email-hint = Personne d’autre ne la voit.
password = Mot de passe
password-hint = Au moins 8 caractères.
reason = Pourquoi voulez-vous un compte ici ?
reason-hint = Une personne de la modération le lit.
no-account = Pas encore de compte ?
register-closed = Ce site ne donne pas de compte de lui-même. Demandez à qui le tient.
register-approval = Ici, la modération décide des nouveaux comptes.
register-waiting = Votre demande est chez les modérateurs. Vous pourrez vous connecter dès que l’un d’eux aura dit oui.
register-done = Votre compte est là. Connectez-vous.

# Réglages
settings = Réglages
settings-profile = Vous
settings-username = Vous vous connectez comme { $name }.
settings-access = Mot de passe et adresse
about-you = À propos de vous
markdown-hint = Le Markdown marche : **gras**, [un lien](https://example.org).
choose-sharing = Mon lecteur peut partager les vidéos avec d’autres spectateurs, qui voient alors mon adresse IP
choose-history = Retenir ce que je regarde, pour reprendre où je me suis arrêté
choose-autoplay = Lancer les vidéos d’elles-mêmes
choose-sensitive = Les vidéos sensibles
sensitive-hidden = ne sont pas dans les listes
sensitive-blurred = ont une image floutée
sensitive-shown = sont comme les autres
new-password = Nouveau mot de passe
new-password-hint = Laissez vide pour garder l’ancien. Un nouveau met fin à vos autres sessions.
current-password = Votre mot de passe actuel
save = Enregistrer
saved = Enregistré.
sessions = Où vous êtes connecté
sessions-about = Chaque ligne est un navigateur ou un programme. Mettez fin à ceux que vous ne connaissez pas, et choisissez un nouveau mot de passe.
session-this = ce navigateur
session-end = Mettre fin

# Tenir la maison
registrations = Demandes de compte
registrations-none = Personne n’attend.
registration-answer = Réponse, si vous voulez en donner une
accept = Accepter
reject = Refuser

# Ce qui n’a pas marché
missing-title = Rien ici
missing-heading = Rien à cette adresse
missing-text = La vidéo a peut-être été retirée, ou l’adresse contient une erreur.
missing-way = Voir ce qu’il y a
refusal-title = Ce n’est pas possible
error-fields = Quelque chose est à revoir : regardez plus bas.
error-credentials = Le nom d’utilisateur ou le mot de passe est faux.
error-blocked = Ce compte est bloqué.
error-waiting = La modération n’a pas encore décidé de votre compte.
error-refused = La modération a refusé ce compte.
error-password = Votre mot de passe actuel est faux.
error-taken = Quelqu’un a déjà ce nom d’utilisateur ou cette adresse.
error-too-many = Trop d’essais. Réessayez dans { $count } secondes.
error-forbidden = Vous ne pouvez pas faire cela.
error-another-site = Cela vient d’une page d’un autre site, qui ne peut pas agir en votre nom.
error-not-found = Cela n’est pas là, ou plus.
error-conflict = Quelqu’un a été plus rapide : les choses ont changé. Regardez à nouveau.
error-busy = Trop de monde à la fois. Réessayez dans un instant.
error-body = Ce qui est venu du formulaire est illisible. Réessayez.
error-ours = Quelque chose ne va pas de notre côté. Ce n’est pas vous.
field-missing = À remplir.
field-short = Au moins { $count } caractères.
field-long = Au plus { $count } caractères.
field-name = Lettres minuscules, chiffres et _ ; au milieu aussi . et -.
field-reserved = Ce nom est gardé pour le site lui-même.
field-email = Ce n’est pas une adresse électronique.
field-control = Il contient des caractères que personne ne voit.
field-choice = Choisissez parmi ce qui est proposé.
field-above = Au plus { $count }.
field-many = Pas plus de { $count }.
