#include "replay/simulate_words.h"

const struct world_category_words world_categories[WORLD_CATEGORIES] = {
    [COMEDY] = {"comedy", {"jokes", "friends", "office"}},
    [MUSIC] = {"music", {"song", "folk", "live"}},
    [DANCE] = {"dance", {"wedding", "classical", "street"}},
    [FOOD] = {"food", {"recipe", "breakfast", "street-food"}},
    [SPORTS] = {"sports", {"cricket", "football", "running"}},
    [TRAVEL] = {"travel", {"city", "mountains", "market"}},
    [BEAUTY] = {"beauty", {"skin", "hair", "make-up"}},
    [EDUCATION] = {"education", {"mathematics", "english", "science"}},
};

const struct world_language_words world_languages[WORLD_LANGUAGES] =
    {
        [HINDI] =
            {
                "hi",
                {
                    [COMEDY] = {"दोस्तों की मज़ेदार बातें", "सास बहू की नोकझोंक", "ऑफिस के चुटकुले"},
                    [MUSIC] = {"पुराना फ़िल्मी गाना", "गाँव का लोकगीत", "गिटार पर नया गाना"},
                    [DANCE] = {"शादी का डांस", "कथक की झलक", "सड़क पर डांस"},
                    [FOOD] = {"झटपट पोहा", "दाल मखनी की विधि", "सड़क किनारे चाट"},
                    [SPORTS] = {"गली क्रिकेट का छक्का", "कबड्डी का रोमांच", "सुबह की दौड़"},
                    [TRAVEL] = {"बनारस के घाट", "पहाड़ों की सैर", "जयपुर का बाज़ार"},
                    [BEAUTY] = {"घरेलू उबटन", "मेहंदी की डिज़ाइन", "बालों की देखभाल"},
                    [EDUCATION] = {"गणित की आसान तरकीब", "अंग्रेज़ी के पाँच शब्द", "विज्ञान का प्रयोग"},
                },
                {"एक मिनट में", "आज ही देखिए", "भाग 2", "घर पर"},
            },
        [TAMIL] =
            {
                "ta",
                {
                    [COMEDY] = {"நண்பர்களின் நகைச்சுவை", "மாமியார் மருமகள் சிரிப்பு", "அலுவலக ஜோக்குகள்"},
                    [MUSIC] = {"பழைய திரைப்பாடல்", "நாட்டுப்புறப் பாட்டு", "வீணை இசை"},
                    [DANCE] = {"கல்யாண நடனம்", "பரதநாட்டியம்", "தெரு நடனம்"},
                    [FOOD] = {"சாம்பார் செய்முறை", "மொறுமொறு தோசை", "தெருக்கடை பரோட்டா"},
                    [SPORTS] = {"தெரு கிரிக்கெட்", "கபடி போட்டி", "காலை ஓட்டம்"},
                    [TRAVEL] = {"மதுரை கோவில்", "ஊட்டி பயணம்", "கடற்கரை மாலை"},
                    [BEAUTY] = {"முக அழகு குறிப்பு", "மருதாணி வடிவங்கள்", "கூந்தல் பராமரிப்பு"},
                    [EDUCATION] = {"எளிய கணிதம்", "ஆங்கில வார்த்தைகள்", "அறிவியல் சோதனை"},
                },
                {"ஒரு நிமிடத்தில்", "இன்று பாருங்கள்", "பகுதி 2", "வீட்டிலேயே"},
            },
        [TELUGU] =
            {
                "te",
                {
                    [COMEDY] = {"స్నేహితుల కామెడీ", "అత్తా కోడళ్ల నవ్వులు", "ఆఫీసు జోకులు"},
                    [MUSIC] = {"పాత సినిమా పాట", "జానపద గీతం", "వేణువు సంగీతం"},
                    [DANCE] = {"పెళ్లి డాన్స్", "కూచిపూడి నృత్యం", "వీధి డాన్స్"},
                    [FOOD] = {"పెసరట్టు తయారీ", "ఆవకాయ పచ్చడి", "హైదరాబాదీ బిర్యానీ"},
                    [SPORTS] = {"గల్లీ క్రికెట్", "కబడ్డీ పోటీ", "ఉదయపు పరుగు"},
                    [TRAVEL] = {"తిరుపతి యాత్ర", "అరకు లోయ", "చార్మినార్ బజారు"},
                    [BEAUTY] = {"ముఖ సౌందర్యం", "గోరింటాకు డిజైన్లు", "జుట్టు సంరక్షణ"},
                    [EDUCATION] = {"సులభ గణితం", "ఇంగ్లీషు పదాలు", "సైన్స్ ప్రయోగం"},
                },
                {"ఒక్క నిమిషంలో", "ఈరోజే చూడండి", "భాగం 2", "ఇంట్లోనే"},
            },
        [BENGALI] =
            {
                "bn",
                {
                    [COMEDY] = {"বন্ধুদের মজার কথা", "শাশুড়ি বউয়ের হাসি", "অফিসের কৌতুক"},
                    [MUSIC] = {"রবীন্দ্রসংগীত", "বাউল গান", "পুরোনো সিনেমার গান"},
                    [DANCE] = {"বিয়ের নাচ", "কত্থক নৃত্য", "রাস্তার নাচ"},
                    [FOOD] = {"ইলিশ ভাপা", "মিষ্টি দই", "ঝালমুড়ি"},
                    [SPORTS] = {"পাড়ার ক্রিকেট", "ফুটবলের গোল", "সকালের দৌড়"},
                    [TRAVEL] = {"দার্জিলিং ভ্রমণ", "সুন্দরবনের নৌকা", "কলকাতার অলিগলি"},
                    [BEAUTY] = {"ত্বকের যত্ন", "মেহেন্দির নকশা", "চুলের যত্ন"},
                    [EDUCATION] = {"সহজ অঙ্ক", "ইংরেজি শব্দ", "বিজ্ঞানের পরীক্ষা"},
                },
                {"এক মিনিটে", "আজই দেখুন", "পর্ব ২", "ঘরে বসে"},
            },
        [MARATHI] =
            {
                "mr",
                {
                    [COMEDY] = {"मित्रांची धमाल", "सासू सुनेची गंमत", "ऑफिसमधले विनोद"},
                    [MUSIC] = {"जुने चित्रपट गीत", "गावाकडचे लोकगीत", "बासरीचे सूर"},
                    [DANCE] = {"लग्नातला नाच", "लावणी नृत्य", "रस्त्यावरचा डान्स"},
                    [FOOD] = {"पुरणपोळी कशी करावी", "झणझणीत मिसळ", "गरमागरम वडापाव"},
                    [SPORTS] = {"गल्ली क्रिकेट", "कबड्डीचा सामना", "सकाळची धाव"},
                    [TRAVEL] = {"कोकणची सफर", "गडकिल्ल्यांची वाट", "पुण्याचा बाजार"},
                    [BEAUTY] = {"घरगुती सौंदर्य", "मेंदीची नक्षी", "केसांची काळजी"},
                    [EDUCATION] = {"सोपे गणित", "इंग्रजी शब्द", "विज्ञानाचा प्रयोग"},
                },
                {"एका मिनिटात", "आजच पहा", "भाग 2", "घरच्या घरी"},
            },
        [RUSSIAN] =
            {
                "ru",
                {
                    [COMEDY] = {"Шутки друзей", "Кот и пылесос", "Смешной случай на работе"},
                    [MUSIC] = {"Старый добрый хит", "Народная песня", "Песня под гитару"},
                    [DANCE] = {"Свадебный танец", "Урок вальса", "Уличные танцы"},
                    [FOOD] = {"Борщ за полчаса", "Сырники на завтрак", "Домашние пельмени"},
                    [SPORTS] = {"Хоккей во дворе", "Гол с центра поля", "Утренняя пробежка"},
                    [TRAVEL] = {"Прогулка по Казани", "Байкал зимой", "Поезд через тайгу"},
                    [BEAUTY] = {"Уход за кожей", "Простая причёска", "Лёгкий макияж"},
                    [EDUCATION] = {"Задача по математике", "Пять английских слов",
                                   "Опыт по физике"},
                },
                {"за одну минуту", "смотри до конца", "часть 2", "у нас дома"},
            },
        [INDONESIAN] =
            {
                "id",
                {
                    [COMEDY] = {"Candaan teman sekelas", "Kucing dan penyedot debu",
                                "Kejadian lucu di kantor"},
                    [MUSIC] = {"Lagu lama dengan gitar", "Keroncong sore", "Angklung bersama"},
                    [DANCE] = {"Tari pernikahan", "Tari Saman", "Joget di jalan"},
                    [FOOD] = {"Nasi goreng kampung", "Sambal terasi pedas", "Martabak manis"},
                    [SPORTS] = {"Bulu tangkis di gang", "Gol dari tengah lapangan", "Lari pagi"},
                    [TRAVEL] = {"Pasar di Yogyakarta", "Matahari terbit di Bromo",
                                "Pantai di Lombok"},
                    [BEAUTY] = {"Perawatan kulit", "Gaya rambut cepat", "Riasan sederhana"},
                    [EDUCATION] = {"Trik berhitung", "Lima kata bahasa Inggris", "Percobaan sains"},
                },
                {"dalam satu menit", "tonton sampai habis", "bagian 2", "di rumah"},
            },
        [ENGLISH] =
            {
                "en",
                {
                    [COMEDY] = {"What friends say", "The cat and the hoover",
                                "A day at the office"},
                    [MUSIC] = {"An old film song", "Village folk song", "New song on the guitar"},
                    [DANCE] = {"Wedding dance", "A classical step", "Dancing in the street"},
                    [FOOD] = {"Quick poha", "Masala chai", "Roadside snacks"},
                    [SPORTS] = {"A six in street cricket", "Goal from the halfway line",
                                "Morning run"},
                    [TRAVEL] = {"Old town walk", "Into the hills", "The spice market"},
                    [BEAUTY] = {"Skin care", "Hair in a minute", "Simple make-up"},
                    [EDUCATION] = {"An easy sum", "Five useful words", "A kitchen experiment"},
                },
                {"in one minute", "watch to the end", "part 2", "at home"},
            },
};
